using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Repeated string instructions. Each call advances RCX, RSI and RDI by what it did, so it may be re-executed
/// after a fault or an interrupt (SDM vol. 2B, REP); it returns 1 when the instruction is complete.
/// </summary>
/// <remarks>One call handles at most one page of each operand: contiguous host memory, and a bounded time between safepoints.</remarks>
public static unsafe class StringSemantics
{
    /// <summary>Low bits of the flags argument: element size in bytes.</summary>
    public const int SizeMask = 15;

    /// <summary>The address-size prefix: 32-bit counters and indices.</summary>
    public const int NarrowAddress = 16;

    /// <summary>REPE rather than REPNE, for comparing instructions.</summary>
    public const int WhileEqual = 32;

    /// <summary>16- or 32-bit code: 16-bit counters and indices unless <see cref="NarrowAddress"/>, a destination in ES, linear addresses of 32 bits.</summary>
    public const int Legacy = 64;

    private const int Rcx = 1;
    private const int Rsi = 6;
    private const int Rdi = 7;

    [TouchesRegisters]
    public static int Move(CpuState* cpu, ulong sourceBase, int flags)
    {
        int size = flags & SizeMask;
        ulong count = Counter(cpu, flags);
        if (count == 0)
        {
            return 1;
        }

        ulong from = Source(cpu, sourceBase, flags);
        ulong to = Destination(cpu, flags);
        bool down = cpu->FlagD != 0;
        ulong elements = Math.Min(count, Math.Min(Elements(cpu, Rsi, from, flags), Elements(cpu, Rdi, to, flags)));
        ulong bytes = elements * (uint)size;
        byte* source = Run(cpu, from, elements, size, false);
        byte* target = Run(cpu, to, elements, size, true);
        ulong distance = down ? from - to : to - from;
        if (source == null || target == null)
        {
            elements = 1;
            GuestAccess.Write(cpu, to, size, GuestAccess.Read(cpu, from, size));
        }
        else
        {
            if (distance >= bytes)
            {
                Buffer.MemoryCopy(source, target, bytes, bytes);
            }
            else
            {
                // Overlapping in the direction of travel: the element-wise order is visible (a pattern fill).
                MoveElements(source, target, elements, size, down);
            }

            GuestAccess.Written(cpu, target, bytes);
        }

        Advance(cpu, flags, elements, true, true);
        return elements == count ? 1 : 0;
    }

    [TouchesRegisters]
    public static int Store(CpuState* cpu, ulong sourceBase, int flags)
    {
        int size = flags & SizeMask;
        ulong count = Counter(cpu, flags);
        if (count == 0)
        {
            return 1;
        }

        ulong to = Destination(cpu, flags);
        bool down = cpu->FlagD != 0;
        ulong elements = Math.Min(count, Elements(cpu, Rdi, to, flags));
        byte* target = Run(cpu, to, elements, size, true);
        ulong value = cpu->Gpr[0];
        if (target == null)
        {
            GuestAccess.Write(cpu, to, size, value);
            Advance(cpu, flags, 1, false, true);
            return count == 1 ? 1 : 0;
        }

        switch (size)
        {
            case 1:
                new Span<byte>(target, (int)elements).Fill((byte)value);
                break;
            case 2:
                new Span<ushort>(target, (int)elements).Fill((ushort)value);
                break;
            case 4:
                new Span<uint>(target, (int)elements).Fill((uint)value);
                break;
            default:
                new Span<ulong>(target, (int)elements).Fill(value);
                break;
        }

        GuestAccess.Written(cpu, target, elements * (uint)size);

        Advance(cpu, flags, elements, false, true);
        return elements == count ? 1 : 0;
    }

    [TouchesRegisters]
    public static int Load(CpuState* cpu, ulong sourceBase, int flags)
    {
        int size = flags & SizeMask;
        ulong count = Counter(cpu, flags);
        if (count == 0)
        {
            return 1;
        }

        ulong from = Source(cpu, sourceBase, flags);
        bool down = cpu->FlagD != 0;
        ulong elements = Math.Min(count, Elements(cpu, Rsi, from, flags));
        byte* run = Run(cpu, from, elements, size, false);
        elements = run == null ? 1 : elements;
        ulong value = run == null ? GuestAccess.Read(cpu, from, size) : ReadElement(down ? run : run + (elements - 1) * (uint)size, size);
        cpu->Gpr[0] = size switch
        {
            1 => (cpu->Gpr[0] & ~0xfful) | value,
            2 => (cpu->Gpr[0] & ~0xfffful) | value,
            _ => value,
        };
        Advance(cpu, flags, elements, true, false);
        return elements == count ? 1 : 0;
    }

    [TouchesRegisters]
    public static int Compare(CpuState* cpu, ulong sourceBase, int flags)
    {
        int size = flags & SizeMask;
        ulong count = Counter(cpu, flags);
        if (count == 0)
        {
            return 1;
        }

        ulong from = Source(cpu, sourceBase, flags);
        ulong to = Destination(cpu, flags);
        bool down = cpu->FlagD != 0;
        ulong limit = Math.Min(count, Math.Min(Elements(cpu, Rsi, from, flags), Elements(cpu, Rdi, to, flags)));
        ulong low = down ? (limit - 1) * (uint)size : 0;

        // Processors read the destination first, which shows when neither is there.
        byte* right = Run(cpu, to, limit, size, false);
        byte* left = Run(cpu, from, limit, size, false);
        ulong first = 0;
        ulong second = 0;
        if (left == null || right == null)
        {
            limit = 1;
            second = GuestAccess.Read(cpu, to, size);
            first = GuestAccess.Read(cpu, from, size);
            left = (byte*)&first;
            right = (byte*)&second;
            low = 0;
        }

        left += low;
        right += low;
        nint step = down ? -size : size;
        bool wanted = (flags & WhileEqual) != 0;
        ulong done = 0;
        ulong a;
        ulong b;
        do
        {
            a = ReadElement(left, size);
            b = ReadElement(right, size);
            left += step;
            right += step;
            done++;
        }
        while (done < limit && (a == b) == wanted);

        Advance(cpu, flags, done, true, true);
        SetCompareFlags(cpu, a, b, size);
        return done == count || (a == b) != wanted ? 1 : 0;
    }

    [TouchesRegisters]
    public static int Scan(CpuState* cpu, ulong sourceBase, int flags)
    {
        int size = flags & SizeMask;
        ulong count = Counter(cpu, flags);
        if (count == 0)
        {
            return 1;
        }

        ulong to = Destination(cpu, flags);
        bool down = cpu->FlagD != 0;
        ulong limit = Math.Min(count, Elements(cpu, Rdi, to, flags));
        ulong low = down ? (limit - 1) * (uint)size : 0;
        byte* right = Run(cpu, to, limit, size, false);
        ulong element = 0;
        if (right == null)
        {
            limit = 1;
            element = GuestAccess.Read(cpu, to, size);
            right = (byte*)&element;
            low = 0;
        }

        right += low;
        nint step = down ? -size : size;
        bool wanted = (flags & WhileEqual) != 0;
        ulong a = size == 8 ? cpu->Gpr[0] : cpu->Gpr[0] & ((1ul << (8 * size)) - 1);
        ulong done = 0;
        ulong b;
        do
        {
            b = ReadElement(right, size);
            right += step;
            done++;
        }
        while (done < limit && (a == b) == wanted);

        Advance(cpu, flags, done, false, true);
        SetCompareFlags(cpu, a, b, size);
        return done == count || (a == b) != wanted ? 1 : 0;
    }

    /// <summary>
    /// Host address of the lowest of the elements that start in one page, the first at <paramref name="address"/>; null when they are not plain memory in one
    /// page, and one element at a time is next. Only the first
    /// can fault, so it is looked at by itself: the fault then names the address the CPU would have met.
    /// </summary>
    private static byte* Run(CpuState* cpu, ulong address, ulong elements, int size, bool write)
    {
        if (GuestAccess.Pointer(cpu, address, (uint)size, write) == null)
        {
            return null;
        }

        ulong low = cpu->FlagD != 0 ? (elements - 1) * (uint)size : 0;
        return GuestAccess.Pointer(cpu, address - low, elements * (uint)size, write);
    }

    /// <summary>Elements from <paramref name="address"/> on, in the direction of travel, that start in its page and before the index wraps; at least 1.</summary>
    private static ulong Elements(CpuState* cpu, int register, ulong address, int flags)
    {
        if (cpu->System.IsSingle != 0)
        {
            return 1;
        }

        uint size = (uint)(flags & SizeMask);
        ulong offset = address & (AddressSpace.PageSize - 1);
        ulong bytes = cpu->FlagD != 0 ? offset + size : AddressSpace.PageSize - offset;
        if ((flags & (Legacy | NarrowAddress)) == Legacy)
        {
            ulong index = cpu->Gpr[register] & 0xffff;
            bytes = Math.Min(bytes, cpu->FlagD != 0 ? index + size : 0x10000 - index);
        }

        return Math.Max(1, bytes / size);
    }

    private static ulong Source(CpuState* cpu, ulong sourceBase, int flags) => Linear(Index(cpu, Rsi, flags) + sourceBase, flags);

    private static ulong Destination(CpuState* cpu, int flags) =>
        Linear(Index(cpu, Rdi, flags) + ((flags & Legacy) != 0 ? cpu->System.Bases[(int)SegmentIndex.Es] : 0), flags);

    private static ulong Linear(ulong address, int flags) => (flags & Legacy) != 0 ? (uint)address : address;

    private static ulong Counter(CpuState* cpu, int flags) => Index(cpu, Rcx, flags);

    private static ulong Index(CpuState* cpu, int register, int flags) => cpu->Gpr[register] & IndexMask(flags);

    private static ulong IndexMask(int flags) =>
        (flags & NarrowAddress) != 0 ? uint.MaxValue : (flags & Legacy) != 0 ? ushort.MaxValue : ulong.MaxValue;

    private static void Advance(CpuState* cpu, int flags, ulong elements, bool source, bool destination)
    {
        ulong step = elements * (uint)(flags & SizeMask);
        step = cpu->FlagD != 0 ? 0 - step : step;
        Move(cpu, Rcx, 0 - elements, flags);
        if (source)
        {
            Move(cpu, Rsi, step, flags);
        }

        if (destination)
        {
            Move(cpu, Rdi, step, flags);
        }
    }

    private static void Move(CpuState* cpu, int register, ulong delta, int flags)
    {
        ulong value = (cpu->Gpr[register] + delta) & IndexMask(flags);
        bool keepsRest = (flags & (Legacy | NarrowAddress)) == Legacy;
        cpu->Gpr[register] = keepsRest ? (cpu->Gpr[register] & ~0xfffful) | value : value;
    }

    private static void MoveElements(byte* source, byte* target, ulong elements, int size, bool down)
    {
        nint step = down ? -size : size;
        nint start = down ? (nint)(elements - 1) * size : 0;
        source += start;
        target += start;
        for (; elements > 0; elements--)
        {
            Unsafe.CopyBlockUnaligned(target, source, (uint)size);
            source += step;
            target += step;
        }
    }

    private static ulong ReadElement(byte* address, int size) => size switch
    {
        1 => *address,
        2 => *(ushort*)address,
        4 => *(uint*)address,
        _ => *(ulong*)address,
    };

    private static void SetCompareFlags(CpuState* cpu, ulong a, ulong b, int size)
    {
        int shift = 64 - 8 * size;
        ulong result = a - b;
        ulong wide = (ulong)((long)(result << shift) >> shift);
        cpu->FlagZ = wide;
        cpu->FlagS = wide;
        cpu->FlagP = wide;
        cpu->FlagC = a < b ? 1ul : 0;
        cpu->FlagO = (((a ^ b) & (a ^ result)) >> (8 * size - 1)) & 1;
        cpu->FlagA = a ^ b ^ result;
    }
}
