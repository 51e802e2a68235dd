namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_vcpu_op (xen/include/public/vcpu.h). Processors start as those of a machine without Xen do, by INIT: VCPUOP_initialise and up are not there.</summary>
internal static class XenVcpuCalls
{
    /// <summary>Nanoseconds. Xen refuses shorter periods.</summary>
    public const ulong ShortestPeriod = 1_000_000;

    private const uint FutureOnly = 1;
    private const int FrameShift = XenMemoryCalls.FrameShift;

    private static readonly XenCommand[] s_commands =
    [
        new(3, XenFeatures.None, IsUp),
        new(4, XenFeatures.None, GetRunstate),
        new(5, XenFeatures.None, PlaceRunstate),
        new(6, XenFeatures.VcpuTimer, Repeat),
        new(7, XenFeatures.VcpuTimer, StopRepeating),
        new(8, XenFeatures.VcpuTimer, StartSingleShot),
        new(9, XenFeatures.VcpuTimer, StopSingleShot),
        new(10, XenFeatures.None, PlaceInfo),
        new(13, XenFeatures.StableClock, PlaceClock),
    ];

    /// <summary>Every command names a processor.</summary>
    public static long Perform(in XenCall call) =>
        (uint)call.Second < call.Domain.Processors.Count ? XenCommand.Perform(s_commands, (uint)call.First, call) : XenError.NoEntry;

    private static XenCpu Target(in XenCall call) => call.Domain.Processors[(int)call.Second];

    /// <summary>3.</summary>
    private static long IsUp(in XenCall call) => call.Cpu.Machine.IsRunning((uint)call.Second) ? 1 : 0;

    /// <summary>4.</summary>
    private static long GetRunstate(in XenCall call)
    {
        var record = new XenRecord(call, call.Third);
        lock (call.Domain.Gate)
        {
            Target(call).Runstate.Write(ref record);
        }

        return record.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>5. The record's linear address.</summary>
    private static long PlaceRunstate(in XenCall call)
    {
        var record = new XenRecord(call, call.Third);
        ulong address = record.ReadWord();
        lock (call.Domain.Gate)
        {
            return !record.IsFaulty && Target(call).Runstate.TryPlace(call, address) ? 0 : XenError.Fault;
        }
    }

    /// <summary>6. A period.</summary>
    private static long Repeat(in XenCall call)
    {
        var record = new XenRecord(call, call.Third);
        ulong period = record.Read64();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (period is < ShortestPeriod or > long.MaxValue)
        {
            return XenError.Invalid;
        }

        lock (call.Domain.Gate)
        {
            Target(call).Periodic.Repeat(period);
        }

        return 0;
    }

    /// <summary>7.</summary>
    private static long StopRepeating(in XenCall call)
    {
        lock (call.Domain.Gate)
        {
            Target(call).Periodic.Stop();
        }

        return 0;
    }

    /// <summary>8. A time, and whether one that is past is an error. Only of the calling processor.</summary>
    private static long StartSingleShot(in XenCall call)
    {
        if (Target(call) != call.Cpu)
        {
            return XenError.Invalid;
        }

        var record = new XenRecord(call, call.Third);
        ulong deadline = record.Read64();
        uint flags = record.Read32();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        lock (call.Domain.Gate)
        {
            if ((flags & FutureOnly) != 0 && deadline < (ulong)call.Cpu.Machine.Now)
            {
                return XenError.TimerExpired;
            }

            call.Cpu.SingleShot.Start(deadline);
            return 0;
        }
    }

    /// <summary>9.</summary>
    private static long StopSingleShot(in XenCall call)
    {
        if (Target(call) != call.Cpu)
        {
            return XenError.Invalid;
        }

        lock (call.Domain.Gate)
        {
            call.Cpu.SingleShot.Stop();
        }

        return 0;
    }

    /// <summary>10. A frame and an offset in it; once.</summary>
    private static long PlaceInfo(in XenCall call)
    {
        var record = new XenRecord(call, call.Third);
        ulong frame = record.Read64();
        uint offset = record.Read32();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        lock (call.Domain.Gate)
        {
            XenCpu target = Target(call);
            bool isPlace = frame <= XenMemoryCalls.LastFrame && offset < 1u << FrameShift && call.Domain.Shared.IsPlace((frame << FrameShift) + offset);
            if (!isPlace || call.Domain.Shared.PlaceOf(target.Index) != null)
            {
                return XenError.Invalid;
            }

            call.Domain.Shared.Place(target.Index, (frame << FrameShift) + offset);
            target.WriteClock();
            target.Upcall();
            return 0;
        }
    }

    /// <summary>13. The linear address of a clock that user code may read, or 0 for none.</summary>
    private static long PlaceClock(in XenCall call)
    {
        var record = new XenRecord(call, call.Third);
        ulong address = record.ReadWord();
        lock (call.Domain.Gate)
        {
            return !record.IsFaulty && Target(call).TryPlaceClock(call, address) ? 0 : XenError.Fault;
        }
    }
}
