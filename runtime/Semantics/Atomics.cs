using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// The read-modify-write operations of LOCK-prefixed instructions on host memory: each is one atomic,
/// sequentially consistent step (SDM vol. 3A, 9.1.2) and returns the old value, zero-extended.
/// </summary>
public static unsafe class Atomics
{
    public static uint FetchAdd8(nint address, uint value)
    {
        ref byte target = ref Unsafe.AsRef<byte>((void*)address);
        byte old = Volatile.Read(ref target);
        while (true)
        {
            byte seen = Interlocked.CompareExchange(ref target, (byte)(old + value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchAnd8(nint address, uint value)
    {
        ref byte target = ref Unsafe.AsRef<byte>((void*)address);
        byte old = Volatile.Read(ref target);
        while (true)
        {
            byte seen = Interlocked.CompareExchange(ref target, (byte)(old & value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchOr8(nint address, uint value)
    {
        ref byte target = ref Unsafe.AsRef<byte>((void*)address);
        byte old = Volatile.Read(ref target);
        while (true)
        {
            byte seen = Interlocked.CompareExchange(ref target, (byte)(old | value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchXor8(nint address, uint value)
    {
        ref byte target = ref Unsafe.AsRef<byte>((void*)address);
        byte old = Volatile.Read(ref target);
        while (true)
        {
            byte seen = Interlocked.CompareExchange(ref target, (byte)(old ^ value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchNegate8(nint address)
    {
        ref byte target = ref Unsafe.AsRef<byte>((void*)address);
        byte old = Volatile.Read(ref target);
        while (true)
        {
            byte seen = Interlocked.CompareExchange(ref target, (byte)(0 - old), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint Exchange8(nint address, uint value) => Interlocked.Exchange(ref Unsafe.AsRef<byte>((void*)address), (byte)value);

    /// <summary>Stores <paramref name="value"/> if memory equals <paramref name="comparand"/>.</summary>
    public static uint CompareExchange8(nint address, uint value, uint comparand) =>
        Interlocked.CompareExchange(ref Unsafe.AsRef<byte>((void*)address), (byte)value, (byte)comparand);

    public static uint FetchAdd16(nint address, uint value)
    {
        ref ushort target = ref Unsafe.AsRef<ushort>((void*)address);
        ushort old = Volatile.Read(ref target);
        while (true)
        {
            ushort seen = Interlocked.CompareExchange(ref target, (ushort)(old + value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchAnd16(nint address, uint value)
    {
        ref ushort target = ref Unsafe.AsRef<ushort>((void*)address);
        ushort old = Volatile.Read(ref target);
        while (true)
        {
            ushort seen = Interlocked.CompareExchange(ref target, (ushort)(old & value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchOr16(nint address, uint value)
    {
        ref ushort target = ref Unsafe.AsRef<ushort>((void*)address);
        ushort old = Volatile.Read(ref target);
        while (true)
        {
            ushort seen = Interlocked.CompareExchange(ref target, (ushort)(old | value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchXor16(nint address, uint value)
    {
        ref ushort target = ref Unsafe.AsRef<ushort>((void*)address);
        ushort old = Volatile.Read(ref target);
        while (true)
        {
            ushort seen = Interlocked.CompareExchange(ref target, (ushort)(old ^ value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchNegate16(nint address)
    {
        ref ushort target = ref Unsafe.AsRef<ushort>((void*)address);
        ushort old = Volatile.Read(ref target);
        while (true)
        {
            ushort seen = Interlocked.CompareExchange(ref target, (ushort)(0 - old), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint Exchange16(nint address, uint value) => Interlocked.Exchange(ref Unsafe.AsRef<ushort>((void*)address), (ushort)value);

    /// <summary>Stores <paramref name="value"/> if memory equals <paramref name="comparand"/>.</summary>
    public static uint CompareExchange16(nint address, uint value, uint comparand) =>
        Interlocked.CompareExchange(ref Unsafe.AsRef<ushort>((void*)address), (ushort)value, (ushort)comparand);

    public static uint FetchAdd32(nint address, uint value)
    {
        return Interlocked.Add(ref Unsafe.AsRef<uint>((void*)address), value) - value;
    }

    public static uint FetchAnd32(nint address, uint value)
    {
        return Interlocked.And(ref Unsafe.AsRef<uint>((void*)address), value);
    }

    public static uint FetchOr32(nint address, uint value)
    {
        return Interlocked.Or(ref Unsafe.AsRef<uint>((void*)address), value);
    }

    public static uint FetchXor32(nint address, uint value)
    {
        ref uint target = ref Unsafe.AsRef<uint>((void*)address);
        uint old = Volatile.Read(ref target);
        while (true)
        {
            uint seen = Interlocked.CompareExchange(ref target, (uint)(old ^ value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint FetchNegate32(nint address)
    {
        ref uint target = ref Unsafe.AsRef<uint>((void*)address);
        uint old = Volatile.Read(ref target);
        while (true)
        {
            uint seen = Interlocked.CompareExchange(ref target, (uint)(0 - old), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static uint Exchange32(nint address, uint value) => Interlocked.Exchange(ref Unsafe.AsRef<uint>((void*)address), (uint)value);

    /// <summary>Stores <paramref name="value"/> if memory equals <paramref name="comparand"/>.</summary>
    public static uint CompareExchange32(nint address, uint value, uint comparand) =>
        Interlocked.CompareExchange(ref Unsafe.AsRef<uint>((void*)address), (uint)value, (uint)comparand);

    public static ulong FetchAdd64(nint address, ulong value)
    {
        return Interlocked.Add(ref Unsafe.AsRef<ulong>((void*)address), value) - value;
    }

    public static ulong FetchAnd64(nint address, ulong value)
    {
        return Interlocked.And(ref Unsafe.AsRef<ulong>((void*)address), value);
    }

    public static ulong FetchOr64(nint address, ulong value)
    {
        return Interlocked.Or(ref Unsafe.AsRef<ulong>((void*)address), value);
    }

    public static ulong FetchXor64(nint address, ulong value)
    {
        ref ulong target = ref Unsafe.AsRef<ulong>((void*)address);
        ulong old = Volatile.Read(ref target);
        while (true)
        {
            ulong seen = Interlocked.CompareExchange(ref target, (ulong)(old ^ value), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static ulong FetchNegate64(nint address)
    {
        ref ulong target = ref Unsafe.AsRef<ulong>((void*)address);
        ulong old = Volatile.Read(ref target);
        while (true)
        {
            ulong seen = Interlocked.CompareExchange(ref target, (ulong)(0 - old), old);
            if (seen == old)
            {
                return old;
            }

            old = seen;
        }
    }

    public static ulong Exchange64(nint address, ulong value) => Interlocked.Exchange(ref Unsafe.AsRef<ulong>((void*)address), (ulong)value);

    /// <summary>Stores <paramref name="value"/> if memory equals <paramref name="comparand"/>.</summary>
    public static ulong CompareExchange64(nint address, ulong value, ulong comparand) =>
        Interlocked.CompareExchange(ref Unsafe.AsRef<ulong>((void*)address), (ulong)value, (ulong)comparand);
}
