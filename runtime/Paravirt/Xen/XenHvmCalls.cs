namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_hvm_op (xen/include/public/hvm/hvm_op.h, hvm/params.h). Dying page tables are of no interest: there are no shadows of them.</summary>
internal static class XenHvmCalls
{
    private const uint CallbackParameter = 0;
    private const byte FirstVector = 0x10;

    // Parameters that guests may read: the callback, the store's and the console's, VM86 TSS and its size.
    private const ulong ReadableParameters = (1ul << 0) | (1ul << 1) | (1ul << 2) | (1ul << 15) | (1ul << 17) | (1ul << 18) | (1ul << 37);

    /// <summary>And set, beside the callback: what only they read.</summary>
    private const ulong WritableParameters = (1ul << 15) | (1ul << 37);

    private static readonly XenCommand[] s_commands =
    [
        new(0, XenFeatures.None, SetParameter),
        new(1, XenFeatures.None, GetParameter),
        new(10, XenFeatures.None, GetTime),
        new(15, XenFeatures.None, GetMemoryType),
        new(23, XenFeatures.UpcallVector, SetUpcallVector),
    ];

    public static long Perform(in XenCall call) => XenCommand.Perform(s_commands, (uint)call.First, call);

    /// <summary>0. Domain, number, value.</summary>
    private static long SetParameter(in XenCall call)
    {
        long result = ReadParameter(call, out XenRecord record, out uint index);
        ulong value = result == 0 ? record.Read64() : 0;
        if (result != 0 || record.IsFaulty)
        {
            return result != 0 ? result : XenError.Fault;
        }

        if (index == CallbackParameter)
        {
            return call.Domain.TrySetCallback(value, call.Is64Bit) ? 0 : XenError.Invalid;
        }

        if ((WritableParameters >> (int)index & 1) == 0)
        {
            return XenError.NotPermitted;
        }

        call.Domain.SetParameter((int)index, value);
        return 0;
    }

    /// <summary>1. Domain and number; then the value.</summary>
    private static long GetParameter(in XenCall call)
    {
        long result = ReadParameter(call, out XenRecord record, out uint index);
        if (result != 0 || (ReadableParameters >> (int)index & 1) == 0)
        {
            return result != 0 ? result : XenError.NotPermitted;
        }

        record.Write64(call.Domain.GetParameter(index));
        return record.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>10. Machine time.</summary>
    private static long GetTime(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        record.Write64((ulong)call.Cpu.Machine.Now);
        return record.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>15. Domain, the answer and padding; then the frame.</summary>
    private static long GetMemoryType(in XenCall call)
    {
        const int Ram = 0;
        const int Device = 2;
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        XenRecord type = record;
        _ = record.Read16();
        _ = record.Read16();
        ulong frame = record.Read64();
        if (record.IsFaulty || !XenDomain.IsOwn(own))
        {
            return record.IsFaulty ? XenError.Fault : XenError.NoProcess;
        }

        type.Write16(frame <= XenMemoryCalls.LastFrame && call.Cpu.Memory.IsMemory(frame << XenMemoryCalls.FrameShift) ? Ram : Device);
        return type.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>23. A processor and its vector.</summary>
    private static long SetUpcallVector(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint processor = record.Read32();
        uint vector = record.Read16() & 0xffu;
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (vector < FirstVector)
        {
            return XenError.Invalid;
        }

        if (processor >= call.Domain.Processors.Count)
        {
            return XenError.NoEntry;
        }

        lock (call.Domain.Gate)
        {
            call.Domain.Processors[(int)processor].SetUpcallVector((byte)vector);
        }

        return 0;
    }

    private static long ReadParameter(in XenCall call, out XenRecord record, out uint index)
    {
        record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        index = record.Read32();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (index >= XenDomain.Parameters)
        {
            return XenError.Invalid;
        }

        return XenDomain.IsOwn(own) ? 0 : XenError.NoProcess;
    }
}
