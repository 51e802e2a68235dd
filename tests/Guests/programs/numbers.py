"""Integers of any size, floats to the last bit, and libm."""
import cmath
import decimal
import fractions
import math
import random
import statistics

print(sum(i * i % 7 for i in range(60_000)))
print(pow(3, 5_000) % 10**40, math.factorial(200) % (10**30 + 7))
random.seed(42)
values = [random.gauss(0, 1) for _ in range(2_000)]
print(repr(math.fsum(values)), repr(statistics.stdev(values)))
for name in "sin cos tan asin acos atan sinh cosh tanh exp expm1 log log10 log1p log2 sqrt cbrt gamma lgamma erf erfc".split():
    function = getattr(math, name)
    row = []
    for x in (0.1, 0.5, 0.75, 0.999, 1.0, 1.5, 10.25, 700.0):
        try:
            row.append(function(x).hex())
        except (ValueError, OverflowError) as error:
            row.append(type(error).__name__)
    print(name, *row)
print(cmath.exp(1j * math.pi), cmath.sqrt(-2 + 3j))
print(float("nan") == float("nan"), 1e308 * 10, -0.0, 5e-324 / 2, 0.1 + 0.2, round(2.675, 2))
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7)
print(fractions.Fraction(0.1), fractions.Fraction(22, 7).limit_denominator(5))
primes = [n for n in range(2, 3_000) if all(n % d for d in range(2, int(n**0.5) + 1))]
print(len(primes), primes[-5:])
print([divmod(a, b) for a in (-7, 7) for b in (-3, 3)], -7 // 2, -7 % 3.5, 7.5 // -2)
