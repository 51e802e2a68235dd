'use strict';
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
console.log(fib(30));
const map = new Map();
for (let i = 0; i < 300000; i++) map.set(`k${i % 5000}`, (map.get(`k${i % 5000}`) ?? 0) + i);
console.log([...map.values()].reduce((a, b) => a + b));
const numbers = Float64Array.from({ length: 300000 }, (_, i) => Math.sin(i));
console.log(numbers.sort()[1000]);
