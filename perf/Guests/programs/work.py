import random

random.seed(1)
print(sum(i * i % 7 for i in range(1_000_000)))
words = {}
for _ in range(200_000):
    key = random.randrange(5000)
    words[key] = words.get(key, "") + "x"
print(sum(map(len, words.values())), sorted(words)[:5])


class Node:
    def __init__(self, value, next_node):
        self.value, self.next = value, next_node


head = None
for i in range(200_000):
    head = Node(i, head)
total = 0
while head:
    total += head.value
    head = head.next
print(total, len(str(3**8_000)))
