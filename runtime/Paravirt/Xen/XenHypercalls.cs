namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// Xen's hypercalls (xen/include/public/xen.h): the number in EAX, the result in RAX, negative for an error. Those that are not here are for other kinds of guests.
/// </summary>
internal static class XenHypercalls
{
    public const int NumberRegister = 0;

    /// <summary>Calls in one multicall, and bytes written to the console at once: Xen would let interrupts in between.</summary>
    private const ulong MostAtOnce = 65536;

    private const uint MulticallNumber = 13;
    private const int MulticallArguments = 6;
    private const uint VersionNumber = 17;
    private const uint RunstateUpdateFlag = 5;
    private const uint EnableAssist = 0;
    private const uint DisableAssist = 1;
    private const int ConsoleChunk = 256;

    private static readonly XenCommand[] s_calls =
    [
        new(12, XenFeatures.None, XenMemoryCalls.Perform, "memory_op"),
        new(MulticallNumber, XenFeatures.None, Multicall, "multicall"),
        new(15, XenFeatures.None, SetTimer, "set_timer_op"),
        new(VersionNumber, XenFeatures.None, XenVersionCalls.Perform, "xen_version"),
        new(18, XenFeatures.None, ConsoleIo, "console_io"),
        new(20, XenFeatures.Grants, XenGrantCalls.Perform, "grant_table_op"),
        new(21, XenFeatures.None, Assist, "vm_assist"),
        new(24, XenFeatures.None, XenVcpuCalls.Perform, "vcpu_op"),
        new(29, XenFeatures.None, XenSchedulerCalls.Perform, "sched_op"),
        new(32, XenFeatures.None, XenEventCalls.Perform, "event_channel_op"),
        new(34, XenFeatures.None, XenHvmCalls.Perform, "hvm_op"),
    ];

    public static long Perform(uint number, in XenCall call) => XenCommand.Perform(s_calls, number, call);

    public static string NameOf(ulong number) => Array.Find(s_calls, call => call.Number == number)?.Name ?? "";

    /// <summary>Most reach guest memory or interrupts, and are tier 0's; but Xen's version, and that there is no call, are known at once.</summary>
    public static HypercallBody? BodyOf(XenFeatures features, ulong? number) => number switch
    {
        VersionNumber => XenVersionCalls.Body,
        { } known when XenCommand.Find(s_calls, features, (uint)known) == null => new HypercallBody(null, [], NumberRegister, unchecked((ulong)XenError.NotImplemented)),
        _ => null,
    };

    /// <summary>13 (xen.h, multicall_entry): calls one after the other, with their results behind their numbers.</summary>
    private static long Multicall(in XenCall call)
    {
        if (call.Second > MostAtOnce)
        {
            return XenError.TooBig;
        }

        ulong length = (ulong)((2 + MulticallArguments) * call.WordLength);
        for (ulong i = 0; i < call.Second; i++)
        {
            ulong entry = call.First + (i * length);
            var record = new XenRecord(call, entry);
            uint number = (uint)record.ReadWord();
            _ = record.ReadWord();
            XenCall inner = call with { First = record.ReadWord(), Second = record.ReadWord(), Third = record.ReadWord(), Fourth = record.ReadWord(), Fifth = record.ReadWord() };
            if (record.IsFaulty)
            {
                return XenError.Fault;
            }

            // "Multicall reentry is disallowed": else one call would be many.
            long result = number == MulticallNumber ? XenError.Invalid : Perform(number, inner);
            var answer = new XenRecord(call, entry + (uint)call.WordLength);
            answer.WriteWord((ulong)result);
            if (answer.IsFaulty)
            {
                return XenError.Fault;
            }
        }

        return 0;
    }

    /// <summary>15: VIRQ_TIMER at a time, or not, at 0. 32-bit code passes the time in two registers.</summary>
    private static long SetTimer(in XenCall call)
    {
        ulong deadline = call.Is64Bit ? call.First : call.First | (call.Second << 32);
        lock (call.Domain.Gate)
        {
            if (deadline == 0)
            {
                call.Cpu.SingleShot.Stop();
            }
            else
            {
                call.Cpu.SingleShot.Start(deadline);
            }
        }

        return 0;
    }

    /// <summary>18: the emergency console. Nothing can be read from it.</summary>
    private static long ConsoleIo(in XenCall call)
    {
        const uint Write = 0;
        const uint Read = 1;
        ulong left = (uint)call.Second;
        switch ((uint)call.First)
        {
            case Read:
                return 0;
            case Write when left <= MostAtOnce:
                break;
            case Write:
                return XenError.TooBig;
            default:
                return XenError.NotImplemented;
        }

        Span<byte> chunk = stackalloc byte[ConsoleChunk];
        for (ulong address = call.Third; left > 0; address += ConsoleChunk, left -= Math.Min(left, ConsoleChunk))
        {
            Span<byte> bytes = chunk[..(int)Math.Min(left, ConsoleChunk)];
            if (!call.TryRead(address, bytes))
            {
                return XenError.Fault;
            }

            call.Cpu.Machine.WriteConsole(bytes);
        }

        return 0;
    }

    /// <summary>21 (xen.h, VMASST): of what Xen can do for guests, what those with their own page tables need.</summary>
    private static long Assist(in XenCall call)
    {
        if ((uint)call.Second != RunstateUpdateFlag || (uint)call.First is not (EnableAssist or DisableAssist))
        {
            return XenError.Invalid;
        }

        lock (call.Domain.Gate)
        {
            call.Domain.MarksRunstateChanges = (uint)call.First == EnableAssist;
        }

        return 0;
    }
}
