using System.Numerics;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Interrupts;

/// <summary>One 8259A (Intel 8259A data sheet). Not locked: <see cref="Pic"/> does that for both.</summary>
/// <remarks>An edge stays requested until it is acknowledged even if the input falls before, as chipsets have it; the original would answer with a spurious interrupt.</remarks>
internal sealed class PicChip(byte edgeOrLevelMask)
{
    private byte _inputs;
    private byte _requests;
    private byte _inService;
    private byte _mask;
    private byte _levels;
    private byte _vectorBase;
    private byte _lowestPriority = 7;
    private int _initStep;
    private bool _needsFourth;
    private bool _single;
    private bool _readsInService;
    private bool _polls;
    private bool _specialMask;
    private bool _automaticEnd;
    private bool _rotatesAtAutomaticEnd;
    private bool _fullyNested;

    /// <summary>Inputs that a slave hangs on.</summary>
    public byte SlaveInputs { get; init; }

    /// <summary>The edge/level control register: 1 = level.</summary>
    public byte Levels
    {
        get => _levels;
        set => _levels = (byte)(value & edgeOrLevelMask);
    }

    public void SetInput(int input, bool high)
    {
        byte bit = (byte)(1 << input);
        bool rises = high && (_inputs & bit) == 0;
        _inputs = high ? (byte)(_inputs | bit) : (byte)(_inputs & ~bit);
        if ((_levels & bit) != 0)
        {
            _requests = high ? (byte)(_requests | bit) : (byte)(_requests & ~bit);
        }
        else if (rises)
        {
            _requests |= bit;
        }
    }

    /// <summary>The input that asks for service and is allowed to, or −1.</summary>
    public int Pending
    {
        get
        {
            int requested = PriorityOf((byte)(_requests & ~_mask));
            if (requested == 8)
            {
                return -1;
            }

            int serving = _inService;
            if (_specialMask)
            {
                serving &= ~_mask;
            }

            if (_fullyNested)
            {
                serving &= ~SlaveInputs;
            }

            return requested < PriorityOf((byte)serving) ? (requested + _lowestPriority + 1) & 7 : -1;
        }
    }

    /// <summary>The INT output.</summary>
    public bool Output => Pending >= 0;

    /// <summary>Takes an input into service and returns its vector.</summary>
    public byte Acknowledge(int input)
    {
        byte bit = (byte)(1 << input);
        if (_automaticEnd)
        {
            _lowestPriority = _rotatesAtAutomaticEnd ? (byte)input : _lowestPriority;
        }
        else
        {
            _inService |= bit;
        }

        if ((_levels & bit) == 0)
        {
            _requests &= (byte)~bit;
        }

        return (byte)(_vectorBase + input);
    }

    /// <summary>The vector of input 7, which answers when a request went away before it was acknowledged.</summary>
    public byte SpuriousVector => (byte)(_vectorBase + 7);

    public byte Read(bool dataPort)
    {
        if (_polls)
        {
            _polls = false;
            int input = Pending;
            if (input < 0)
            {
                return 0;
            }

            _ = Acknowledge(input);
            return (byte)(0x80 | input);
        }

        return dataPort ? _mask : _readsInService ? _inService : _requests;
    }

    public void Write(bool dataPort, byte value)
    {
        if (dataPort)
        {
            WriteData(value);
        }
        else if ((value & 0x10) != 0)
        {
            StartInitialization(value);
        }
        else if ((value & 8) != 0)
        {
            WriteCommand3(value);
        }
        else
        {
            WriteCommand2(value);
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes([
            _inputs, _requests, _inService, _mask, _levels, _vectorBase, _lowestPriority, (byte)_initStep, Flag(_needsFourth), Flag(_single), Flag(_readsInService),
            Flag(_polls), Flag(_specialMask), Flag(_automaticEnd), Flag(_rotatesAtAutomaticEnd), Flag(_fullyNested),
        ]);
    }

    public void Restore(StateReader reader)
    {
        Span<byte> s = stackalloc byte[16];
        reader.Bytes(s);
        (_inputs, _requests, _inService, _mask, _levels, _vectorBase, _lowestPriority, _initStep) = (s[0], s[1], s[2], s[3], s[4], s[5], (byte)(s[6] & 7), s[7] & 3);
        (_needsFourth, _single, _readsInService, _polls) = (s[8] != 0, s[9] != 0, s[10] != 0, s[11] != 0);
        (_specialMask, _automaticEnd, _rotatesAtAutomaticEnd, _fullyNested) = (s[12] != 0, s[13] != 0, s[14] != 0, s[15] != 0);
    }

    private static byte Flag(bool value) => value ? (byte)1 : (byte)0;

    /// <summary>Rank of the most urgent of these inputs, 0 first; 8 for none.</summary>
    private int PriorityOf(byte inputs)
    {
        if (inputs == 0)
        {
            return 8;
        }

        int first = (_lowestPriority + 1) & 7;
        int rotated = ((inputs >> first) | (inputs << (8 - first))) & 0xff;
        return BitOperations.TrailingZeroCount(rotated);
    }

    private void StartInitialization(byte value)
    {
        // ICW1 (data sheet, "Initialization"): the edge detectors and the mask are cleared.
        _initStep = 1;
        _needsFourth = (value & 1) != 0;
        _single = (value & 2) != 0;
        _mask = 0;
        _inService = 0;
        _requests &= _levels;
        _lowestPriority = 7;
        _specialMask = false;
        _readsInService = false;
        _automaticEnd = false;
        _fullyNested = false;
        _rotatesAtAutomaticEnd = false;
        _polls = false;
    }

    private void WriteData(byte value)
    {
        switch (_initStep)
        {
            case 1:
                _vectorBase = (byte)(value & 0xf8);
                _initStep = !_single ? 2 : _needsFourth ? 3 : 0;
                break;
            case 2:
                _initStep = _needsFourth ? 3 : 0;
                break;
            case 3:
                _fullyNested = (value & 0x10) != 0;
                _automaticEnd = (value & 2) != 0;
                _initStep = 0;
                break;
            default:
                _mask = value;
                break;
        }
    }

    private void WriteCommand3(byte value)
    {
        _polls = (value & 4) != 0;
        if ((value & 2) != 0)
        {
            _readsInService = (value & 1) != 0;
        }

        if ((value & 0x40) != 0)
        {
            _specialMask = (value & 0x20) != 0;
        }
    }

    private void WriteCommand2(byte value)
    {
        int level = value & 7;
        switch (value >> 5)
        {
            case 0 or 4:
                _rotatesAtAutomaticEnd = value >> 5 == 4;
                break;
            case 1 or 5:
                int rank = PriorityOf(_specialMask ? (byte)(_inService & ~_mask) : _inService);
                if (rank < 8)
                {
                    int input = (rank + _lowestPriority + 1) & 7;
                    _inService &= (byte)~(1 << input);
                    _lowestPriority = value >> 5 == 5 ? (byte)input : _lowestPriority;
                }

                break;
            case 3 or 7:
                _inService &= (byte)~(1 << level);
                _lowestPriority = value >> 5 == 7 ? (byte)level : _lowestPriority;
                break;
            case 6:
                _lowestPriority = (byte)level;
                break;
            default:
                break;
        }
    }
}
