namespace Jitvmm.Devices.Interrupts;

/// <summary>Registers: by offset in the xAPIC page, or by number in MSRs 800h–83Fh (SDM vol. 3A, 11.4.1 and 11.12.1).</summary>
public sealed partial class LocalApic
{
    /// <summary>First MSR of the x2APIC registers.</summary>
    public const uint FirstMsr = 0x800;

    /// <summary>IA32_APIC_BASE and IA32_TSC_DEADLINE.</summary>
    public const uint BaseMsr = 0x1b;
    public const uint TscDeadlineMsr = 0x6e0;

    // Local vector table, in register order from 320h.
    private const int Timer = 0;
    private const int Thermal = 1;
    private const int Performance = 2;
    private const int Lint0 = 3;
    private const int Lint1 = 4;
    private const int Error = 5;
    private const int LvtCount = 6;

    private const uint Version = 0x14 | ((LvtCount - 1) << 16);
    private const uint CommandLow = 0x30;
    private const uint CommandHigh = 0x31;

    /// <summary>A read of the xAPIC page.</summary>
    public uint ReadPage(uint offset)
    {
        if (!IsEnabled || IsX2)
        {
            return uint.MaxValue;
        }

        SettleEnd();
        lock (_lock)
        {
            // Registers are 32 bits wide at multiples of 16; what lies between is undefined.
            if ((offset & 0xf) != 0 || offset >= 0x400)
            {
                return 0;
            }

            if (!TryRead(offset >> 4, out ulong value))
            {
                RaiseError(IllegalRegister);
            }

            return (uint)value;
        }
    }

    /// <summary>A write to the xAPIC page.</summary>
    public void WritePage(uint offset, uint value)
    {
        if (!IsEnabled || IsX2 || (offset & 0xf) != 0 || offset >= 0x400)
        {
            return;
        }

        uint register = offset >> 4;
        switch (register)
        {
            case 0x02:
                lock (_lock)
                {
                    Volatile.Write(ref _xapicId, value >> 24);
                }

                return;
            case 0x0d:
                lock (_lock)
                {
                    Volatile.Write(ref _logicalDestination, value & 0xff000000);
                }

                return;
            case 0x0e:
                lock (_lock)
                {
                    Volatile.Write(ref _destinationFormat, value | 0x0fffffff);
                }

                return;
            case CommandHigh:
                lock (_lock)
                {
                    _command = (_command & uint.MaxValue) | ((ulong)value << 32);
                }

                return;
            case CommandLow:
                ulong command;
                lock (_lock)
                {
                    command = _command = (_command & 0xffffffff00000000) | (value & ~0x1000u);
                }

                Send(command, (uint)(command >> 56));
                return;
            default:
                _ = TryWrite(register, value);
                return;
        }
    }

    /// <summary>RDMSR of a register this APIC keeps. False: #GP.</summary>
    public bool TryReadMsr(uint index, out ulong value)
    {
        switch (index)
        {
            case BaseMsr:
                value = Base;
                return true;
            case TscDeadlineMsr:
                lock (_lock)
                {
                    value = _tscDeadline;
                }

                return true;
            default:
                SettleEnd();
                lock (_lock)
                {
                    value = 0;
                    return IsX2 && index - FirstMsr < 0x40 && index - FirstMsr != CommandHigh && TryRead(index - FirstMsr, out value);
                }
        }
    }

    /// <summary>WRMSR. False: #GP.</summary>
    public bool TryWriteMsr(uint index, ulong value)
    {
        switch (index)
        {
            case BaseMsr:
                return TryWriteBase(value);
            case TscDeadlineMsr:
                lock (_lock)
                {
                    WriteTscDeadline(value);
                }

                return true;
        }

        uint register = index - FirstMsr;
        if (!IsX2 || register >= 0x40)
        {
            return false;
        }

        if (register == CommandLow)
        {
            lock (_lock)
            {
                _command = value & ~0x1000ul;
            }

            Send(value, (uint)(value >> 32));
            return true;
        }

        if (register == 0x3f)
        {
            return value <= 0xff && SelfInterrupt((byte)value);
        }

        // Reserved bits fault in x2APIC mode; an end of interrupt takes 0 only.
        bool isReadOnly = register is 0x02 or 0x0d or 0x0e or CommandHigh;
        return !isReadOnly && value <= uint.MaxValue && (register is not (0x0b or 0x28) || value == 0) && TryWrite(register, (uint)value);
    }

    private bool SelfInterrupt(byte vector)
    {
        lock (_lock)
        {
            Request(vector, false);
        }

        return true;
    }

    private bool TryWriteBase(ulong value)
    {
        ulong reserved = ~(BaseEnabled | BaseX2 | BaseBootstrap | AddressBits);
        if ((value & reserved) != 0)
        {
            return false;
        }

        lock (_lock)
        {
            // Allowed changes of mode: figure 11-27. x2APIC without being enabled is not a mode, and xAPIC is reached from x2APIC only through off.
            ulong from = _base & (BaseEnabled | BaseX2);
            ulong to = value & (BaseEnabled | BaseX2);
            if (to == BaseX2 || (from == (BaseEnabled | BaseX2) && to == BaseEnabled) || (from == 0 && to == (BaseEnabled | BaseX2)))
            {
                return false;
            }

            SetBase((value & ~BaseBootstrap) | (_isBootstrap ? BaseBootstrap : 0));
            if (to == 0 && from != 0)
            {
                // Off is like the power being off (11.4.3): the id a guest wrote is gone as well.
                _xapicId = Id;
                ResetRegisters();
            }

            Update();
            return true;
        }
    }

    private bool TryRead(uint register, out ulong value)
    {
        switch (register)
        {
            case 0x02:
                value = IsX2 ? Id : _xapicId << 24;
                return true;
            case 0x03:
                value = Version;
                return true;
            case 0x08:
                value = _taskPriority;
                return true;
            case 0x09 when !IsX2:
                value = (uint)Priority();
                return true;
            case 0x0a:
                value = (uint)Priority();
                return true;
            case 0x0d:
                value = IsX2 ? LogicalX2 : _logicalDestination;
                return true;
            case 0x0e when !IsX2:
                value = _destinationFormat;
                return true;
            case 0x0f:
                value = _spurious;
                return true;
            case >= 0x10 and < 0x18:
                value = _inService.Register((int)register & 7);
                return true;
            case >= 0x18 and < 0x20:
                value = _levelTriggered.Register((int)register & 7);
                return true;
            case >= 0x20 and < 0x28:
                value = _requests.Register((int)register & 7);
                return true;
            case 0x28:
                value = _errors;
                return true;
            case CommandLow:
                value = IsX2 ? _command : (uint)_command;
                return true;
            case CommandHigh:
                value = _command >> 32;
                return true;
            case >= 0x32 and < 0x32 + LvtCount:
                value = _lvt[register - 0x32];
                return true;
            case 0x38:
                value = _initialCount;
                return true;
            case 0x39:
                value = CurrentCount();
                return true;
            case 0x3e:
                value = _divide;
                return true;
            default:
                value = 0;
                return false;
        }
    }

    /// <summary>Registers that both modes write alike. False: not one.</summary>
    private bool TryWrite(uint register, uint value)
    {
        int ended = -1;
        SettleEnd();
        lock (_lock)
        {
            switch (register)
            {
                case 0x08:
                    _taskPriority = value & 0xff;
                    Update();
                    break;
                case 0x0b:
                    EndsWritten++;
                    ended = EndInterrupt();
                    break;
                case 0x0f:
                    WriteSpurious(value);
                    break;
                case 0x28:
                    _errors = _pendingErrors;
                    _pendingErrors = 0;
                    break;
                case >= 0x32 and < 0x32 + LvtCount:
                    WriteLvt((int)register - 0x32, value);
                    break;
                case 0x38:
                    WriteInitialCount(value);
                    break;
                case 0x3e:
                    WriteDivide(value);
                    break;
                default:
                    // In x2APIC mode the access faults instead (11.5.3).
                    if (!IsX2)
                    {
                        RaiseError(IllegalRegister);
                    }

                    return false;
            }
        }

        if (ended >= 0)
        {
            _bus.EndOfInterrupt?.Invoke((byte)ended);
        }

        return true;
    }

    /// <summary>Ends the interrupt in service with the highest priority; its vector when I/O APICs must hear of it, else −1.</summary>
    private int EndInterrupt()
    {
        int vector = _inService.Highest;
        if (vector < 0)
        {
            return -1;
        }

        _inService.Remove(vector);
        Update();
        return _levelTriggered[vector] ? vector : -1;
    }

    private void WriteSpurious(uint value)
    {
        bool isEnabling = (value & ~_spurious & SoftwareEnabled) != 0;
        Volatile.Write(ref _spurious, value & 0x1ff);
        if ((value & SoftwareEnabled) == 0)
        {
            for (int i = 0; i < LvtCount; i++)
            {
                _lvt[i] |= Masked;
            }
        }

        if (isEnabling)
        {
            _owner.InterruptsEnabled();
        }

        Update();
    }

    private void WriteLvt(int index, uint value)
    {
        // Which bits each entry has: figure 11-8. Delivery status and remote IRR read as 0.
        uint bits = index switch
        {
            Timer => 0x700ffu,
            Lint0 or Lint1 => 0x1a7ff,
            Error => 0x100ff,
            _ => 0x107ff,
        };
        value &= bits;
        if ((_spurious & SoftwareEnabled) == 0)
        {
            value |= Masked;
        }

        if (index == Timer)
        {
            WriteTimerVector(value);
        }
        else
        {
            Volatile.Write(ref _lvt[index], value);
        }

        if (index == Lint0)
        {
            _owner.InterruptRaised();
        }
    }

    /// <summary>Sends an interrupt command (SDM vol. 3A, 11.6.1). No lock is held.</summary>
    private void Send(ulong command, uint destination)
    {
        var mode = (DeliveryMode)((command >> 8) & 7);
        bool isLevel = (command & 0x8000) != 0;
        bool asserts = (command & 0x4000) != 0;
        byte vector = (byte)command;
        if (mode == DeliveryMode.Initialize && isLevel && !asserts)
        {
            return;
        }

        if (mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority && vector < 16)
        {
            lock (_lock)
            {
                RaiseError(IllegalSent);
            }

            return;
        }

        // Messages between processors are edges; the level bit only matters to INIT.
        var message = new InterruptMessage(destination, (command & 0x800) != 0, mode, vector, false);
        switch ((command >> 18) & 3)
        {
            case 0:
                _ = _bus.Deliver(message);
                break;
            case 1:
                if (mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority)
                {
                    Accept(message);
                }

                break;
            case 2:
                _bus.Broadcast(message, null);
                break;
            default:
                _bus.Broadcast(message, this);
                break;
        }
    }
}
