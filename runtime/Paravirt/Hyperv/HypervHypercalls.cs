using System.Numerics;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>
/// Hyper-V's hypercalls (TLFS 3 and appendix A): a control word, then the address of the input or, in fast calls, the input itself; the result has a status and how many
/// repetitions are done.
/// </summary>
internal static unsafe class HypervHypercalls
{
    public const int NumberRegister = Rcx;
    public const ulong NumberMask = ushort.MaxValue;

    public const ushort Success = 0;
    public const ushort InvalidCode = 2;
    public const ushort InvalidInput = 3;
    public const ushort InvalidAlignment = 4;
    public const ushort InvalidParameter = 5;

    private const int Rax = 0;
    private const int Rcx = 1;
    private const int Rdx = 2;
    private const int Rbx = 3;
    private const int Rsi = 6;
    private const int Rdi = 7;
    private const int R8 = 8;

    // The control word (TLFS 3.7): code, fast, words of variable header, repetitions, the first to do.
    private const ulong Fast = 1ul << 16;
    private const int VariableShift = 17;
    private const int VariableMask = 0x3ff;
    private const int CountShift = 32;
    private const int StartShift = 48;
    private const int RepetitionMask = 0xfff;
    private const ulong Reserved = 0xf000_f000_f800_0000;

    private const int FastWords = 2;
    private const int WordsInPage = (int)GuestPages.PageSize / sizeof(ulong);

    // Sets of processors (TLFS 7.8.7.3): a mask of banks, and a bank of 64 for each of its bits; or all.
    private const int Banks = 64;
    private const ulong SparseSet = 0;
    private const ulong AllProcessors = 1;

    // Flushes (TLFS A: HvCallFlushVirtualAddressSpace): of all processors, all address spaces, all but global pages, ranges of other sizes.
    private const ulong FlushAllProcessors = 1;
    private const ulong FlushFlags = 0xf;

    private const uint FirstVector = 0x10;
    private const uint LastVector = 0xff;

    private static readonly Row[] s_rows =
    [
        new(0x02, "flush-space", HypervFeatures.TlbFlush, 3, false, false, Flush),
        new(0x03, "flush-list", HypervFeatures.TlbFlush, 3, true, false, Flush),
        new(0x08, "notify-long-spin-wait", HypervFeatures.None, 1, false, false, Yield),
        new(0x0b, "send-ipi", HypervFeatures.SendIpi, 2, false, false, SendInterrupts),
        new(0x13, "flush-space-ex", HypervFeatures.TlbFlush, 4, false, true, FlushSet),
        new(0x14, "flush-list-ex", HypervFeatures.TlbFlush, 4, true, true, FlushSet),
        new(0x15, "send-ipi-ex", HypervFeatures.SendIpi, 3, false, true, SendInterruptsToSet),
    ];

    private static readonly FastBody s_fast = CallFast;
    private static readonly Func<ulong, bool> s_isFast = IsFast;

    private delegate ulong FastBody(CpuState* cpu, ulong control, ulong first, ulong second);

    private delegate ushort Body(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable);

    /// <summary>What is in the registers (TLFS 3.8): of 32-bit callers, in pairs of them.</summary>
    public static void Execute(HypervCpu own)
    {
        CpuState* cpu = own.State;
        if (CpuMode.Is64Bit(cpu))
        {
            cpu->Gpr[Rax] = Perform(own, cpu->Gpr[Rcx], cpu->Gpr[Rdx], cpu->Gpr[R8]);
            return;
        }

        ulong result = Perform(own, Pair(cpu, Rdx, Rax), Pair(cpu, Rbx, Rcx), Pair(cpu, Rdi, Rsi));
        cpu->Gpr[Rax] = (uint)result;
        cpu->Gpr[Rdx] = result >> 32;
    }

    public static string NameOf(ulong number) => Array.Find(s_rows, row => row.Code == number)?.Name ?? "";

    private static ulong Pair(CpuState* cpu, int high, int low) => (cpu->Gpr[high] << 32) | (uint)cpu->Gpr[low];

    /// <summary>
    /// A call as compiled code makes it. With its input in registers it reads no memory; flushes, which do not fit there and wait for other processors, are refused before they begin.
    /// </summary>
    public static ulong CallFast(CpuState* cpu, ulong control, ulong first, ulong second) => Perform(HypervCpu.Of(cpu), control, first, second);

    public static bool IsFast(ulong control) => (control & Fast) != 0;

    public static HypercallBody? BodyOf(HypervFeatures features, ulong? number) => number is { } known && Find(features, (ushort)known) == null
        ? new HypercallBody(null, [], Rax, InvalidCode)
        : new HypercallBody(s_fast.Method, [Rcx, Rdx, R8], Rax) { Accepts = s_isFast.Method, Examined = [Rcx] };

    private static Row? Find(HypervFeatures features, ushort code)
    {
        foreach (Row row in s_rows)
        {
            if (row.Code == code)
            {
                return (row.Feature & ~features) == 0 ? row : null;
            }
        }

        return null;
    }

    private static ulong Perform(HypervCpu own, ulong control, ulong first, ulong second)
    {
        if (Find(own.Features, (ushort)control) is not { } row)
        {
            return InvalidCode;
        }

        int variable = (int)(control >> VariableShift) & VariableMask;
        int count = (int)(control >> CountShift) & RepetitionMask;
        int start = (int)(control >> StartShift) & RepetitionMask;
        bool isCounted = row.IsRepeated ? start < count : (count | start) == 0;
        if ((control & Reserved) != 0 || !isCounted || (variable != 0 && !row.HasSet))
        {
            return InvalidInput;
        }

        int length = row.HeaderWords + variable + count;
        ushort status = (control & Fast) != 0 ? PerformFast(own, row, length, first, second) : PerformInMemory(own, row, length, variable, first);
        return status | ((ulong)(status == Success ? count : start) << CountShift);
    }

    /// <summary>Input in registers: what does not fit would be in vector registers, which CPUID does not offer.</summary>
    private static ushort PerformFast(HypervCpu own, Row row, int length, ulong first, ulong second)
    {
        if (length > FastWords)
        {
            return InvalidInput;
        }

        ReadOnlySpan<ulong> input = [first, second];
        return row.Body(own, input[..row.HeaderWords], input[row.HeaderWords..length]);
    }

    private static ushort PerformInMemory(HypervCpu own, Row row, int length, int variable, ulong address)
    {
        // A copy: the guest may change its memory at any time.
        Span<ulong> input = stackalloc ulong[WordsInPage];
        ushort status = Read(own.Memory, input, length, address);
        return status == Success ? row.Body(own, input[..row.HeaderWords], input.Slice(row.HeaderWords, variable)) : status;
    }

    /// <summary>Input in memory, aligned, within a page and in RAM.</summary>
    private static ushort Read(PhysicalMemory memory, Span<ulong> input, int length, ulong address)
    {
        int offset = (int)(address & (GuestPages.PageSize - 1)) / sizeof(ulong);
        bool isRead = address % sizeof(ulong) == 0 && offset + length <= WordsInPage && memory.Read(address, MemoryMarshal.AsBytes(input[..length]));
        return isRead ? Success : InvalidAlignment;
    }

    /// <summary>02 and 03, with a mask of the first 64 processors. The addresses of a list are not looked at: all are flushed.</summary>
    private static ushort Flush(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable)
    {
        Span<ulong> set = stackalloc ulong[Banks];
        return TryReadFlags(header[1], set, out bool isAll) ? Flush(own, isAll ? set : header[2..]) : InvalidParameter;
    }

    /// <summary>13 and 14, with a set.</summary>
    private static ushort FlushSet(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable)
    {
        Span<ulong> set = stackalloc ulong[Banks];
        if (!TryReadFlags(header[1], set, out bool isAll))
        {
            return InvalidParameter;
        }

        ushort status = isAll ? Success : ReadSet(header[2], header[3], variable, set);
        return status == Success ? Flush(own, set) : status;
    }

    /// <summary>08: the processor waits for a lock that another one holds.</summary>
    private static ushort Yield(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable)
    {
        own.Yield();
        return Success;
    }

    /// <summary>0b: a vector, and a mask of the first 64 processors.</summary>
    private static ushort SendInterrupts(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable) => SendInterrupts(own, header[0], header[1..]);

    /// <summary>15: a vector, and a set.</summary>
    private static ushort SendInterruptsToSet(HypervCpu own, ReadOnlySpan<ulong> header, ReadOnlySpan<ulong> variable)
    {
        Span<ulong> set = stackalloc ulong[Banks];
        ushort status = ReadSet(header[1], header[2], variable, set);
        return status == Success ? SendInterrupts(own, header[0], set) : status;
    }

    private static ushort Flush(HypervCpu own, ReadOnlySpan<ulong> set)
    {
        own.Flush(set);
        return Success;
    }

    /// <summary>The high half names another trust level than the one there is.</summary>
    private static ushort SendInterrupts(HypervCpu own, ulong vector, ReadOnlySpan<ulong> set)
    {
        if (vector is < FirstVector or > LastVector)
        {
            return InvalidParameter;
        }

        own.SendInterrupts(set, (byte)vector);
        return Success;
    }

    private static bool TryReadFlags(ulong flags, Span<ulong> set, out bool isAll)
    {
        isAll = (flags & FlushAllProcessors) != 0;
        if (isAll)
        {
            set.Fill(ulong.MaxValue);
        }

        return (flags & ~FlushFlags) == 0;
    }

    private static ushort ReadSet(ulong format, ulong mask, ReadOnlySpan<ulong> banks, Span<ulong> set)
    {
        if (format == AllProcessors)
        {
            set.Fill(ulong.MaxValue);
            return Success;
        }

        if (format != SparseSet)
        {
            return InvalidParameter;
        }

        if (BitOperations.PopCount(mask) != banks.Length)
        {
            return InvalidInput;
        }

        set.Clear();
        for (int i = 0; mask != 0; i++, mask &= mask - 1)
        {
            set[BitOperations.TrailingZeroCount(mask)] = banks[i];
        }

        return Success;
    }

    private sealed record Row(ushort Code, string Name, HypervFeatures Feature, int HeaderWords, bool IsRepeated, bool HasSet, Body Body);
}
