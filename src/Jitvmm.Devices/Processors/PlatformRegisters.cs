using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Processors;

/// <summary>
/// The model-specific registers of a processor that only firmware and kernels look at and that change nothing here: memory type ranges, machine check, microcode.
/// </summary>
/// <remarks>Memory types are kept and read back, not acted on: guest memory is the host's cached memory throughout.</remarks>
internal sealed class PlatformRegisters : IStateful
{
    private const uint PlatformId = 0x17;
    private const uint MicrocodeRevision = 0x8b;
    private const uint RangeCapabilities = 0xfe;
    private const uint MachineCheckCapabilities = 0x179;
    private const uint MachineCheckStatus = 0x17a;
    private const uint MiscellaneousEnable = 0x1a0;
    private const uint FirstVariableRange = 0x200;
    private const uint VariableRegisters = 16;
    private const uint DefaultType = 0x2ff;
    private const ulong WriteBack = 0x0606060606060606;

    private static readonly uint[] s_fixedRanges = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];

    private readonly ulong[] _variable = new ulong[VariableRegisters];
    private readonly ulong[] _fixed = new ulong[s_fixedRanges.Length];
    private ulong _defaultType = 0xc06;

    /// <summary>As firmware leaves them: all memory write-back but the hole below 4 GiB.</summary>
    public PlatformRegisters()
    {
        Array.Fill(_fixed, WriteBack);

        // 640 KiB to 768 KiB, the frame buffer's place, is not cached.
        _fixed[2] = 0;
        _variable[0] = 0xc0000000;
        _variable[1] = 0xff_c0000000 | (1ul << 11);
    }

    public bool TryRead(uint index, out ulong value)
    {
        switch (index)
        {
            case PlatformId or MachineCheckCapabilities or MachineCheckStatus:
                value = 0;
                return true;
            case MicrocodeRevision:
                value = 0x107ul << 32;
                return true;
            case MiscellaneousEnable:
                // Fast strings; neither branch trace nor precise event storage.
                value = 1 | (1 << 11) | (1 << 12);
                return true;
            case RangeCapabilities:
                value = VariableRegisters / 2 | (1 << 8) | (1 << 10);
                return true;
            case DefaultType:
                value = _defaultType;
                return true;
            case >= FirstVariableRange and < FirstVariableRange + VariableRegisters:
                value = _variable[index - FirstVariableRange];
                return true;
            default:
                int range = Array.IndexOf(s_fixedRanges, index);
                value = range >= 0 ? _fixed[range] : 0;
                return range >= 0;
        }
    }

    public bool TryWrite(uint index, ulong value)
    {
        switch (index)
        {
            case MicrocodeRevision or MachineCheckStatus or MiscellaneousEnable:
                return true;
            case DefaultType:
                _defaultType = value & 0xcff;
                return (value & ~0xcfful) == 0 && IsType((byte)value);
            case >= FirstVariableRange and < FirstVariableRange + VariableRegisters:
                if ((index & 1) == 0 && !IsType((byte)value))
                {
                    return false;
                }

                _variable[index - FirstVariableRange] = value;
                return true;
            default:
                int range = Array.IndexOf(s_fixedRanges, index);
                if (range < 0 || !AreTypes(value))
                {
                    return false;
                }

                _fixed[range] = value;
                return true;
        }
    }

    public void Save(StateWriter writer)
    {
        writer.UInt64(_defaultType);
        foreach (ulong value in (ReadOnlySpan<ulong>)[.. _variable, .. _fixed])
        {
            writer.UInt64(value);
        }
    }

    public void Restore(StateReader reader)
    {
        _defaultType = reader.UInt64();
        for (int i = 0; i < _variable.Length; i++)
        {
            _variable[i] = reader.UInt64();
        }

        for (int i = 0; i < _fixed.Length; i++)
        {
            _fixed[i] = reader.UInt64();
        }
    }

    /// <summary>UC, WC, WT, WP, WB.</summary>
    private static bool IsType(byte type) => type is 0 or 1 or 4 or 5 or 6;

    private static bool AreTypes(ulong types)
    {
        for (int i = 0; i < 8; i++)
        {
            if (!IsType((byte)(types >> (8 * i))))
            {
                return false;
            }
        }

        return true;
    }
}
