using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>
/// KVM's hypercalls (hypercalls.rst): the number in RAX, arguments in RBX, RCX, RDX and RSI, the result in RAX. None touches guest memory.
/// </summary>
public static unsafe class KvmHypercalls
{
    /// <summary>The number is unknown, or its feature is off.</summary>
    public const long NotImplemented = -1000;

    /// <summary>CPL is not 0.</summary>
    public const long NotPermitted = -1;

    public const long Invalid = -22;

    internal const int NumberRegister = Rax;

    private const int Rax = 0;

    // Interrupt command (SDM vol. 3A, 11.6.1): logical destinations and shorthands make no sense in a call that names its destinations.
    private const uint LogicalDestination = 1u << 11;
    private const uint Shorthand = 3u << 18;
    private const uint VectorAndModes = 0x87ff;

    private static readonly int[] s_arguments = [3, 1, 2, 6];

    private static readonly Row[] s_rows =
    [
        new(1, "vapic-poll-irq", KvmFeatures.None, PollInterrupts),
        new(5, "kick-cpu", KvmFeatures.Unhalt, Kick),
        new(10, "send-ipi", KvmFeatures.SendIpi, SendInterrupts),
        new(11, "sched-yield", KvmFeatures.SchedYield, Yield),
    ];

    private static readonly AnyBody s_any = CallByNumber;

    private delegate ulong Body(CpuState* cpu, ulong first, ulong second, ulong third, ulong fourth);

    private delegate ulong AnyBody(CpuState* cpu, ulong number, ulong first, ulong second, ulong third, ulong fourth);

    /// <summary>1. Makes the VMM look for interrupts, which it does anyway.</summary>
    public static ulong PollInterrupts(CpuState* cpu, ulong first, ulong second, ulong third, ulong fourth) => 0;

    /// <summary>5. Ends the halt of the processor whose APIC id is the second argument, even one without IF: it waits for a spinlock.</summary>
    public static ulong Kick(CpuState* cpu, ulong flags, ulong apicId, ulong third, ulong fourth)
    {
        if (apicId <= uint.MaxValue)
        {
            KvmCpu.Of(cpu).Machine.EndHalt((uint)apicId);
        }

        return 0;
    }

    /// <summary>10. Sends an interrupt to the APIC ids of a bitmap of 128 (64 outside 64-bit mode) from the third argument on: how many took it.</summary>
    public static ulong SendInterrupts(CpuState* cpu, ulong low, ulong high, ulong firstId, ulong command)
    {
        if ((command & (LogicalDestination | Shorthand)) != 0)
        {
            return unchecked((ulong)Invalid);
        }

        KvmCpu own = KvmCpu.Of(cpu);
        ulong half = CpuMode.Is64Bit(cpu) ? 64ul : 32;
        return own.SendInterrupts(low, firstId, (uint)command & VectorAndModes) + own.SendInterrupts(high, firstId + half, (uint)command & VectorAndModes);
    }

    /// <summary>11. A processor that sent an interrupt waits for one that may not run: lets the host choose anew.</summary>
    public static ulong Yield(CpuState* cpu, ulong apicId, ulong second, ulong third, ulong fourth)
    {
        KvmCpu.Of(cpu).Machine.Yield();
        return 0;
    }

    /// <summary>The call whose number is not known before it is made; compiled code passes it in front of the arguments.</summary>
    public static ulong CallByNumber(CpuState* cpu, ulong number, ulong first, ulong second, ulong third, ulong fourth)
    {
        Row? row = Find(KvmCpu.Of(cpu).Features, number);
        return row == null ? unchecked((ulong)NotImplemented) : row.Body(cpu, first, second, third, fourth);
    }

    /// <summary>What is in the registers. Outside 64-bit mode their low halves count.</summary>
    internal static void Execute(CpuState* cpu)
    {
        ulong mask = CpuMode.Is64Bit(cpu) ? ulong.MaxValue : uint.MaxValue;
        ulong result = cpu->System.Cpl != 0
            ? unchecked((ulong)NotPermitted)
            : CallByNumber(cpu, cpu->Gpr[Rax] & mask, cpu->Gpr[s_arguments[0]] & mask, cpu->Gpr[s_arguments[1]] & mask, cpu->Gpr[s_arguments[2]] & mask, cpu->Gpr[s_arguments[3]] & mask);
        cpu->Gpr[Rax] = result & mask;
    }

    internal static HypercallBody BodyOf(KvmFeatures features, ulong? number)
    {
        if (number is not { } known)
        {
            return new HypercallBody(s_any.Method, [Rax, .. s_arguments], Rax);
        }

        Row? row = Find(features, known);
        return row == null
            ? new HypercallBody(null, [], Rax, unchecked((ulong)NotImplemented))
            : new HypercallBody(row.Body.Method, s_arguments, Rax);
    }

    internal static string NameOf(ulong number) => Array.Find(s_rows, row => row.Number == number)?.Name ?? "";

    private static Row? Find(KvmFeatures features, ulong number)
    {
        foreach (Row row in s_rows)
        {
            if (row.Number == number)
            {
                return (row.Feature & ~features) == 0 ? row : null;
            }
        }

        return null;
    }

    private sealed record Row(ulong Number, string Name, KvmFeatures Feature, Body Body);
}
