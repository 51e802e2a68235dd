import concurrent.futures
import queue
import threading
import time

total = 0
lock = threading.Lock()


def add(count):
    global total
    for _ in range(count):
        with lock:
            total += 1


threads = [threading.Thread(target=add, args=(2_000,)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total)

work = queue.Queue(maxsize=4)
done = []


def consume():
    while (item := work.get()) is not None:
        done.append(item * item)
    done.append(0)


consumers = [threading.Thread(target=consume) for _ in range(3)]
for thread in consumers:
    thread.start()
for i in range(200):
    work.put(i)
for _ in consumers:
    work.put(None)
for thread in consumers:
    thread.join()
print(sum(done), len(done))

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda n: sum(range(n)), range(0, 2_000, 200))))

event = threading.Event()
threading.Timer(0.1, event.set).start()
print(event.wait(10), event.wait(0))
barrier = threading.Barrier(3)
order = []
for i in range(3):
    threading.Thread(target=lambda: (barrier.wait(), order.append(1))).start()
deadline = time.monotonic() + 10
while len(order) < 3 and time.monotonic() < deadline:
    time.sleep(0.01)
print(order)
