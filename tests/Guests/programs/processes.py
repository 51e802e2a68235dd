import multiprocessing
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile

sys.stdout.reconfigure(line_buffering=True)
print(subprocess.run(["tr", "a-z", "A-Z"], input=b"to upper", capture_output=True, check=True).stdout)
print(subprocess.run("exit 9", shell=True).returncode, subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
try:
    subprocess.run(["sleep", "5"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("timeout")
try:
    subprocess.run(["/no/such/program"])
except FileNotFoundError as error:
    print(error.errno)

pid = os.fork()
if pid == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

caught = []
signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0.1)
signal.signal(signal.SIGALRM, lambda number, frame: caught.append(number))
signal.pause()
print(caught)

left, right = socket.socketpair()
selector = selectors.DefaultSelector()
selector.register(right, selectors.EVENT_READ)
left.send(b"over a socket")
print([key.fileobj.recv(100) for key, _ in selector.select(5)])

server = socket.socket(socket.AF_UNIX)
server.bind("socket")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("socket")
peer, _ = server.accept()
client.sendall(b"x" * 1000)
client.close()
received = b""
while chunk := peer.recv(300):
    received += chunk
print(len(received))
os.unlink("socket")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "file")
    with open(path, "w+b") as file:
        file.write(b"abc" * 1000)
        file.seek(-3, os.SEEK_END)
        print(file.read(), os.fstat(file.fileno()).st_size)
    os.rename(path, path + "2")
    print(sorted(os.listdir(folder)))


def square(n):
    return n * n


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(square, range(10)))
