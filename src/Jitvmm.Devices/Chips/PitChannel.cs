using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// One counter of the 8254 (Intel 8254 data sheet). It holds when it was loaded; the count and the output follow from the time, in ticks of the input clock.
/// A count written to a running counter takes effect at once rather than at the end of its period.
/// </summary>
internal sealed class PitChannel
{
    private const long NotStarted = -1;

    private int _access = 3;
    private int _mode;
    private bool _isBcd;
    private bool _gate = true;
    private bool _hasCount;
    private bool _awaitsHigh;
    private byte _lowByte;
    private int _reload;
    private long _start = NotStarted;
    private long _heldAt = NotStarted;
    private bool _readsHigh;
    private ushort _latchedCount;
    private int _latchedBytes;
    private int _latchedStatus = -1;

    /// <summary>Modes 2 and 3 repeat.</summary>
    public bool IsPeriodic => _mode is 2 or 3;

    private long Period => _reload == 0 ? (_isBcd ? 10000 : 65536) : _reload;

    /// <summary>A control word for this counter.</summary>
    public void Control(byte value, long now)
    {
        int access = (value >> 4) & 3;
        if (access == 0)
        {
            LatchCount(now);
            return;
        }

        _access = access;
        int mode = (value >> 1) & 7;
        _mode = mode > 5 ? mode & 3 : mode;
        _isBcd = (value & 1) != 0;
        _awaitsHigh = false;
        _readsHigh = false;
        _hasCount = false;
        _start = NotStarted;
        _heldAt = NotStarted;
        _latchedBytes = 0;
        _latchedStatus = -1;
    }

    /// <summary>The read-back command's part for this counter.</summary>
    public void ReadBack(bool latchesCount, bool latchesStatus, long now)
    {
        if (latchesCount)
        {
            LatchCount(now);
        }

        if (latchesStatus && _latchedStatus < 0)
        {
            _latchedStatus = (Output(now) ? 0x80 : 0) | (_hasCount ? 0 : 0x40) | (_access << 4) | (_mode << 1) | (_isBcd ? 1 : 0);
        }
    }

    /// <summary>Writes a byte of the count. True when the counter was loaded or stopped.</summary>
    public bool Write(byte value, long now)
    {
        switch (_access)
        {
            case 1:
                Load(value, now);
                return true;
            case 2:
                Load(value << 8, now);
                return true;
            default:
                if (_awaitsHigh)
                {
                    _awaitsHigh = false;
                    Load(_lowByte | (value << 8), now);
                    return true;
                }

                _lowByte = value;
                _awaitsHigh = true;
                if (_mode != 0)
                {
                    return false;
                }

                _start = NotStarted;
                return true;
        }
    }

    public byte Read(long now)
    {
        if (_latchedStatus >= 0)
        {
            byte status = (byte)_latchedStatus;
            _latchedStatus = -1;
            return status;
        }

        ushort count = _latchedBytes > 0 ? _latchedCount : Count(now);
        if (_latchedBytes > 0)
        {
            _latchedBytes--;
        }

        switch (_access)
        {
            case 1:
                return (byte)count;
            case 2:
                return (byte)(count >> 8);
            default:
                _readsHigh = !_readsHigh;
                return (byte)(_readsHigh ? count : count >> 8);
        }
    }

    /// <summary>The gate input: stops modes 0, 2, 3 and 4; triggers 1 and 5; restarts 2 and 3.</summary>
    public void SetGate(bool high, long now)
    {
        if (high == _gate)
        {
            return;
        }

        _gate = high;
        if (!_hasCount)
        {
            return;
        }

        if (_mode is 1 or 5)
        {
            _start = high ? now : _start;
        }
        else if (IsPeriodic)
        {
            _start = high ? now : NotStarted;
        }
        else if (high)
        {
            _start = _heldAt == NotStarted ? now : now - _heldAt;
            _heldAt = NotStarted;
        }
        else if (_start != NotStarted)
        {
            _heldAt = now - _start;
        }
    }

    public bool Gate => _gate;

    /// <summary>The OUT pin.</summary>
    public bool Output(long now)
    {
        if (_start == NotStarted)
        {
            return _mode != 0;
        }

        long passed = Passed(now);
        long period = Period;
        return _mode switch
        {
            0 or 1 => passed >= period,
            2 => passed % period != period - 1,
            3 => passed % period < (period + 1) / 2,
            _ => passed != period,
        };
    }

    /// <summary>When OUT rises next, in ticks; −1 for never.</summary>
    public long NextRise(long now)
    {
        if (_start == NotStarted || _heldAt != NotStarted)
        {
            return -1;
        }

        long passed = Passed(now);
        long period = Period;
        return _mode switch
        {
            2 or 3 => _start + (passed / period + 1) * period,
            0 or 1 => passed < period ? _start + period : -1,
            _ => passed <= period ? _start + period + 1 : -1,
        };
    }

    public void Save(StateWriter writer)
    {
        writer.Byte((byte)_access);
        writer.Byte((byte)_mode);
        writer.Bool(_isBcd);
        writer.Bool(_gate);
        writer.Bool(_hasCount);
        writer.Bool(_awaitsHigh);
        writer.Byte(_lowByte);
        writer.Int32(_reload);
        writer.Int64(_start);
        writer.Int64(_heldAt);
        writer.Bool(_readsHigh);
        writer.UInt16(_latchedCount);
        writer.Byte((byte)_latchedBytes);
        writer.Int32(_latchedStatus);
    }

    public void Restore(StateReader reader)
    {
        _access = reader.Byte() & 3;
        _mode = reader.Byte() % 6;
        _isBcd = reader.Bool();
        _gate = reader.Bool();
        _hasCount = reader.Bool();
        _awaitsHigh = reader.Bool();
        _lowByte = reader.Byte();
        _reload = reader.Int32() & 0xffff;
        _start = Math.Max(reader.Int64(), NotStarted);
        _heldAt = Math.Max(reader.Int64(), NotStarted);
        _readsHigh = reader.Bool();
        _latchedCount = reader.UInt16();
        _latchedBytes = reader.Byte() & 3;
        _latchedStatus = reader.Int32();
    }

    private long Passed(long now) => _heldAt != NotStarted ? _heldAt : Math.Max(now - _start, 0);

    private void Load(int value, long now)
    {
        _reload = _isBcd ? FromBcd(value) : value;
        _hasCount = true;
        _heldAt = NotStarted;
        if (_mode is 1 or 5)
        {
            return;
        }

        if (_gate)
        {
            _start = now;
        }
        else if (IsPeriodic)
        {
            _start = NotStarted;
        }
        else
        {
            _start = now;
            _heldAt = 0;
        }
    }

    private void LatchCount(long now)
    {
        if (_latchedBytes == 0)
        {
            _latchedCount = Count(now);
            _latchedBytes = _access == 3 ? 2 : 1;
        }
    }

    private ushort Count(long now)
    {
        long period = Period;
        long passed = _start == NotStarted ? 0 : Passed(now);
        long modulus = _isBcd ? 10000 : 65536;
        long count = _mode switch
        {
            2 => period - passed % period,
            3 => period - 2 * passed % period,
            _ => (period - passed) % modulus,
        };
        count = (count % modulus + modulus) % modulus;
        return (ushort)(_isBcd ? ToBcd((int)count) : count);
    }

    private static int FromBcd(int value) =>
        Math.Min((value & 15) + 10 * ((value >> 4) & 15) + 100 * ((value >> 8) & 15) + 1000 * ((value >> 12) & 15), 16665) % 10000;

    private static int ToBcd(int value) => value % 10 | (value / 10 % 10 << 4) | (value / 100 % 10 << 8) | (value / 1000 % 10 << 12);
}
