using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Tests.Differential;

namespace Jitvmm.Tests.Semantics;

/// <summary>Runs one instruction form on the host and on our semantics from the same random state and compares everything.</summary>
public sealed unsafe class X87Differential : IDisposable
{
    public const int MemorySize = 128;
    private const ulong StatusFlags = 0x8d5;

    private readonly X87Form _form;
    private readonly NativeX87 _native;
    private readonly X87Operands _operands;
    private readonly CpuState* _cpu;
    private readonly byte* _before;
    private readonly byte* _after;
    private readonly byte* _ours;

    public X87Differential(X87Form form, ulong seed)
    {
        _form = form;
        _operands = new X87Operands(seed);
        _native = new NativeX87(form.Code);
        _cpu = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);
        _before = (byte*)NativeMemory.AlignedAlloc(NativeX87.StateSize + MemorySize, 64);
        _after = (byte*)NativeMemory.AlignedAlloc(NativeX87.StateSize + MemorySize, 64);
        _ours = (byte*)NativeMemory.AlignedAlloc(NativeX87.StateSize + MemorySize, 64);
    }

    /// <summary>Largest distance of a register result from the host's so far, in units of the last place.</summary>
    public ulong WorstUlps { get; private set; }

    public void Dispose()
    {
        _native.Dispose();
        NativeMemory.AlignedFree(_cpu);
        NativeMemory.AlignedFree(_before);
        NativeMemory.AlignedFree(_after);
        NativeMemory.AlignedFree(_ours);
    }

    /// <summary>One comparison; null when equal, else a description of both outcomes.</summary>
    public string? Step()
    {
        Prepare();
        Buffer.MemoryCopy(_before, _ours, NativeX87.StateSize + MemorySize, NativeX87.StateSize + MemorySize);
        LoadState();
        _form.Body(_cpu, _ours + NativeX87.StateSize);
        StoreState();

        // A context switch in the middle makes AMD processors forget the instruction and data pointers: try again.
        for (int attempt = 0; attempt < 3; attempt++)
        {
            Buffer.MemoryCopy(_before, _after, NativeX87.StateSize + MemorySize, NativeX87.StateSize + MemorySize);
            _native.Run(_after, _after + NativeX87.StateSize);
            if (AreSame())
            {
                return null;
            }
        }

        return Describe();
    }

    private void Prepare()
    {
        NativeMemory.Clear(_before, NativeX87.StateSize + MemorySize);
        uint control = (uint)_operands.Next() & 0xf00 | 0x7f;
        if (_operands.Below(3) == 0)
        {
            control &= ~((uint)_operands.Next() & 0x3f);
        }

        uint status = (uint)_operands.Next() & 0x4700;
        if (_operands.Below(4) == 0)
        {
            status |= (uint)_operands.Next() & control & 0x3f;
        }

        int top = _operands.Below(8);
        byte valid = _operands.Below(8) == 0 ? (byte)_operands.Next() : (byte)0x7f;
        valid = (byte)(valid << top | valid >> (8 - top));
        Unsafe.Write(_before, (ushort)control);
        Unsafe.Write(_before + 2, (ushort)(status | (uint)top << 11));
        _before[4] = valid;
        Unsafe.Write(_before + 6, (ushort)(_operands.Next() & 0x7ff));
        Unsafe.Write(_before + 8, _operands.Next() & 0x7fff_ffff_ffff);
        Unsafe.Write(_before + 16, _operands.Next() & 0x7fff_ffff_ffff);
        Unsafe.Write(_before + 24, 0x1f80u);
        Float80 value = default;
        for (int i = 0; i < 8; i++)
        {
            value = i == 0 ? _operands.Extended() : _operands.Near(value);
            Unsafe.Write(_before + 32 + 16 * i, value.Significand);
            Unsafe.Write(_before + 40 + 16 * i, value.SignExponent);
        }

        Unsafe.Write(_before + NativeX87.FlagsIn, 0x202 | _operands.Next() & StatusFlags);
        PrepareMemory(_before + NativeX87.StateSize);
    }

    private void PrepareMemory(byte* memory)
    {
        for (int i = 0; i < MemorySize; i += 8)
        {
            *(ulong*)(memory + i) = 0xcccccccccccccccc;
        }

        switch (_form.Memory)
        {
            case X87Memory.Single:
                *(uint*)memory = _operands.Single();
                break;
            case X87Memory.Double:
                *(ulong*)memory = _operands.Double();
                break;
            case X87Memory.Extended:
                Float80 value = _operands.Extended();
                *(ulong*)memory = value.Significand;
                *(ushort*)(memory + 8) = value.SignExponent;
                break;
            case X87Memory.Integer:
                *(ulong*)memory = _operands.Integer();
                break;
            case X87Memory.Decimal:
                _operands.Decimal(memory);
                break;
            case X87Memory.Environment32:
                PrepareEnvironment(memory, 28);
                break;
            case X87Memory.Environment16:
                PrepareEnvironment(memory, 14);
                break;
        }
    }

    private void PrepareEnvironment(byte* memory, int size)
    {
        for (int i = 0; i < size; i++)
        {
            memory[i] = (byte)_operands.Next();
        }

        for (int i = 0; i < 8; i++)
        {
            Float80 value = _operands.Extended();
            Unsafe.WriteUnaligned(memory + size + 10 * i, value.Significand);
            Unsafe.WriteUnaligned(memory + size + 10 * i + 8, value.SignExponent);
        }
    }

    private void LoadState()
    {
        NativeMemory.Clear(_cpu, CpuState.Size);
        uint status = Unsafe.Read<ushort>(_ours + 2);
        int top = (int)(status >> 11) & 7;
        _cpu->X87.ControlWord = Unsafe.Read<ushort>(_ours);
        _cpu->X87.StatusWord = (ushort)(status & ~0x3800u);
        _cpu->X87.Top = top;
        _cpu->X87.ValidMask = _ours[4];
        _cpu->X87.Opcode = _form.IsControl ? Unsafe.Read<ushort>(_ours + 6) : _form.Opcode;
        _cpu->X87.InstructionPointer = _form.IsControl ? Unsafe.Read<ulong>(_ours + 8) : _native.Address;
        bool hasData = !_form.IsControl && _form.Memory != X87Memory.None;
        _cpu->X87.DataPointer = hasData ? (ulong)(_after + NativeX87.StateSize) : Unsafe.Read<ulong>(_ours + 16);
        for (int i = 0; i < 8; i++)
        {
            byte* register = _cpu->X87.Registers + 16 * ((top + i) & 7);
            Buffer.MemoryCopy(_ours + 32 + 16 * i, register, 10, 10);
        }

        _cpu->WriteFlags(Unsafe.Read<ulong>(_ours + NativeX87.FlagsIn));
    }

    private void StoreState()
    {
        Unsafe.Write(_ours, _cpu->X87.ControlWord);
        Unsafe.Write(_ours + 2, X87.ReadStatusWord(_cpu));
        _ours[4] = _cpu->X87.ValidMask;
        bool isPending = X87.HasUnmaskedError(_cpu);
        Unsafe.Write(_ours + 6, isPending ? _cpu->X87.Opcode : (ushort)0);
        Unsafe.Write(_ours + 8, isPending ? _cpu->X87.InstructionPointer : 0);
        Unsafe.Write(_ours + 16, isPending ? _cpu->X87.DataPointer : 0);
        for (int i = 0; i < 8; i++)
        {
            byte* register = _cpu->X87.Registers + 16 * ((_cpu->X87.Top + i) & 7);
            Buffer.MemoryCopy(register, _ours + 32 + 16 * i, 10, 10);
        }

        Unsafe.Write(_ours + NativeX87.FlagsOut, _cpu->ReadFlags());
    }

    /// <remarks>Which instructions leave their address, opcode and operand address in a saved image differs between Intel's processors too.</remarks>
    private bool AreSame()
    {
        ReadOnlySpan<byte> host = new(_after, NativeX87.StateSize + MemorySize);
        ReadOnlySpan<byte> ours = new(_ours, NativeX87.StateSize + MemorySize);
        uint statusMask = _form.Ulps == 0 ? 0xffffu : 0xffffu & ~X87Context.C1;
        if (_form.Ulps != 0 && IntelTolerance.IsIntelHost)
        {
            // Whether the sine of the smallest normal number underflows.
            statusMask &= ~X87Context.Underflow;
        }

        bool isStateSame = host[..2].SequenceEqual(ours[..2])
            && ((Unsafe.Read<ushort>(_after + 2) ^ Unsafe.Read<ushort>(_ours + 2)) & statusMask) == 0
            && host[4] == ours[4]
            && (IntelTolerance.IsIntelHost || host[5..24].SequenceEqual(ours[5..24]))
            && ((Unsafe.Read<ulong>(_after + NativeX87.FlagsOut) ^ Unsafe.Read<ulong>(_ours + NativeX87.FlagsOut)) & StatusFlags) == 0
            && host[NativeX87.StateSize..].SequenceEqual(ours[NativeX87.StateSize..]);
        for (int i = 0; i < 8 && isStateSame; i++)
        {
            isStateSame = IsRegisterSame(_after + 32 + 16 * i, _ours + 32 + 16 * i);
        }

        return isStateSame;
    }

    private bool IsRegisterSame(byte* host, byte* ours)
    {
        if (new ReadOnlySpan<byte>(host, 10).SequenceEqual(new ReadOnlySpan<byte>(ours, 10)))
        {
            return true;
        }

        Int128 difference = Ordinal(host) - Ordinal(ours);
        ulong distance = (ulong)Int128.Min(Int128.Abs(difference), ulong.MaxValue);
        bool isNumber = (*(ushort*)(host + 8) & 0x7fff) != 0x7fff && (*(ushort*)(ours + 8) & 0x7fff) != 0x7fff;
        WorstUlps = Math.Max(WorstUlps, distance);
        return isNumber && distance <= (ulong)_form.Ulps;
    }

    /// <summary>A number's position among all of the format's, so that neighbours differ by one.</summary>
    private static Int128 Ordinal(byte* register)
    {
        uint signExponent = *(ushort*)(register + 8);
        Int128 magnitude = ((Int128)(signExponent & 0x7fff) << 63) + (Int128)(*(ulong*)register & ~(1ul << 63));
        return (signExponent & 0x8000) != 0 ? -magnitude : magnitude;
    }

    private string Describe()
    {
        StringBuilder text = new();
        text.Append(_form.Name).AppendLine();
        DescribeOne(text, "in  ", _before, NativeX87.FlagsIn);
        DescribeOne(text, "host", _after, NativeX87.FlagsOut);
        DescribeOne(text, "ours", _ours, NativeX87.FlagsOut);
        return text.ToString();
    }

    private void DescribeOne(StringBuilder text, string label, byte* state, int flagsOffset)
    {
        text.Append(label)
            .Append($" cw={*(ushort*)state:x4} sw={*(ushort*)(state + 2):x4} tags={state[4]:x2}")
            .Append($" ip={*(ulong*)(state + 8):x} dp={*(ulong*)(state + 16):x} op={*(ushort*)(state + 6):x}")
            .Append($" flags={*(ulong*)(state + flagsOffset) & StatusFlags:x3}");
        for (int i = 0; i < 3; i++)
        {
            text.Append($" {*(ushort*)(state + 40 + 16 * i):x4}:{*(ulong*)(state + 32 + 16 * i):x16}");
        }

        if (_form.Memory != X87Memory.None)
        {
            text.Append(" mem=").Append(Convert.ToHexString(new ReadOnlySpan<byte>(state + NativeX87.StateSize, 32)));
        }

        text.AppendLine();
    }
}
