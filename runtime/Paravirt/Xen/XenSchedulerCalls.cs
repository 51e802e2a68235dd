namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_sched_op (xen/include/public/sched.h).</summary>
internal static class XenSchedulerCalls
{
    private const uint PowerOff = 0;
    private const uint Reboot = 1;
    private const uint Crash = 3;
    private const uint Watchdog = 4;

    private static readonly XenCommand[] s_commands =
    [
        new(0, XenFeatures.None, Yield),
        new(1, XenFeatures.None, Block),
        new(2, XenFeatures.None, ShutDown),
        new(3, XenFeatures.None, Poll),
    ];

    public static long Perform(in XenCall call) => XenCommand.Perform(s_commands, (uint)call.First, call);

    /// <summary>0.</summary>
    private static long Yield(in XenCall call)
    {
        call.Cpu.Machine.Yield();
        return 0;
    }

    /// <summary>1. Waits for an event.</summary>
    private static long Block(in XenCall call)
    {
        lock (call.Domain.Gate)
        {
            call.Cpu.Block();
        }

        return 0;
    }

    /// <summary>2. Nobody saves guests that suspend themselves, nor restarts them softly.</summary>
    private static long ShutDown(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint reason = record.Read32();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        switch (reason)
        {
            case PowerOff:
                call.Cpu.Machine.PowerOff();
                return 0;
            case Reboot or Watchdog:
                call.Cpu.Machine.Restart();
                return 0;
            case Crash:
                call.Cpu.Machine.Crash();
                return 0;
            default:
                return XenError.Invalid;
        }
    }

    /// <summary>3. Waits for one of some ports, or for a time, unless that is 0. It may end sooner.</summary>
    private static long Poll(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ulong array = record.ReadWord();
        uint count = record.Read32();
        ulong deadline = record.Read64();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (count > XenCpu.MaximumPolled)
        {
            return XenError.Invalid;
        }

        var ports = new XenRecord(call, array);
        uint[] polled = new uint[count];
        for (int i = 0; i < polled.Length; i++)
        {
            polled[i] = ports.Read32();
        }

        if (ports.IsFaulty)
        {
            return XenError.Fault;
        }

        lock (call.Domain.Gate)
        {
            return call.Cpu.TryPoll(polled, deadline) ? 0 : XenError.Invalid;
        }
    }
}
