import base64
import binascii
import bz2
import gzip
import hashlib
import lzma
import sys
import zlib

data = open(sys.argv[1], "rb").read()
for name in sorted(hashlib.algorithms_guaranteed):
    digest = hashlib.new(name, data) if not name.startswith("shake") else None
    print(name, digest.hexdigest() if digest else hashlib.new(name, data).hexdigest(16))
print(zlib.crc32(data), zlib.adler32(data), binascii.crc_hqx(data, 0))
for level in (1, 6, 9):
    packed = zlib.compress(data, level)
    print(level, len(packed), zlib.decompress(packed) == data)
print(len(bz2.compress(data)), len(lzma.compress(data, preset=2)), len(gzip.compress(data, mtime=0)))
print(hashlib.sha256(base64.b85encode(data[:10_000])).hexdigest())
print(hashlib.pbkdf2_hmac("sha512", b"password", b"salt", 2_000).hex())
print(hashlib.scrypt(b"password", salt=b"salt", n=256, r=8, p=1).hex())
