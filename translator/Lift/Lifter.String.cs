using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>MOVS, STOS, LODS, CMPS, SCAS. Repeated ones are one call that works by whole pages and may stop early for an interrupt.</summary>
public sealed partial class Lifter
{
    private bool TryString()
    {
        (string name, int bytes) = _i.Mnemonic switch
        {
            Mnemonic.Movsb => (nameof(StringSemantics.Move), 1),
            Mnemonic.Movsw => (nameof(StringSemantics.Move), 2),
            Mnemonic.Movsd when _i.IsStringInstruction => (nameof(StringSemantics.Move), 4),
            Mnemonic.Movsq => (nameof(StringSemantics.Move), 8),
            Mnemonic.Stosb => (nameof(StringSemantics.Store), 1),
            Mnemonic.Stosw => (nameof(StringSemantics.Store), 2),
            Mnemonic.Stosd => (nameof(StringSemantics.Store), 4),
            Mnemonic.Stosq => (nameof(StringSemantics.Store), 8),
            Mnemonic.Lodsb => (nameof(StringSemantics.Load), 1),
            Mnemonic.Lodsw => (nameof(StringSemantics.Load), 2),
            Mnemonic.Lodsd => (nameof(StringSemantics.Load), 4),
            Mnemonic.Lodsq => (nameof(StringSemantics.Load), 8),
            Mnemonic.Cmpsb => (nameof(StringSemantics.Compare), 1),
            Mnemonic.Cmpsw => (nameof(StringSemantics.Compare), 2),
            Mnemonic.Cmpsd when _i.IsStringInstruction => (nameof(StringSemantics.Compare), 4),
            Mnemonic.Cmpsq => (nameof(StringSemantics.Compare), 8),
            Mnemonic.Scasb => (nameof(StringSemantics.Scan), 1),
            Mnemonic.Scasw => (nameof(StringSemantics.Scan), 2),
            Mnemonic.Scasd => (nameof(StringSemantics.Scan), 4),
            Mnemonic.Scasq => (nameof(StringSemantics.Scan), 8),
            _ => ("", 0),
        };
        if (bytes == 0)
        {
            return false;
        }

        if (IsRepeated(_i))
        {
            LiftRepeated(name, bytes);
        }
        else
        {
            LiftSingle(name, bytes * 8);
        }

        return true;
    }

    private bool UsesNarrowAddress => _i.MemoryIndex == Register.None && NarrowStringAddress();

    private bool NarrowStringAddress()
    {
        for (int operand = 0; operand < _i.OpCount; operand++)
        {
            if (_i.GetOpKind(operand) is OpKind.MemorySegESI or OpKind.MemoryESEDI)
            {
                return true;
            }
        }

        return false;
    }

    private Value SegmentBase()
    {
        if (_o.IsSymbolic)
        {
            return _b.Get(StateRef.FromSlot(Operands.SegmentSlot), 64);
        }

        return _i.MemorySegment is Register.FS or Register.GS ? _b.Get(Operands.OffsetOf(_i.MemorySegment), 64) : _b.Constant(0);
    }

    private void LiftRepeated(string name, int bytes)
    {
        bool whileEqual = !_i.HasRepnePrefix;
        int flags = bytes | (UsesNarrowAddress ? StringSemantics.NarrowAddress : 0) | (whileEqual ? StringSemantics.WhileEqual : 0);
        Value done = _b.Call(Method(typeof(StringSemantics), name), _b.Cpu(), SegmentBase(), _b.Constant32(flags));
        _b.ForgetFlags();
        _b.Branch(done, _o.NextAddress, _o.ThisAddress);
    }

    private void LiftSingle(string name, int width)
    {
        bool narrow = UsesNarrowAddress;
        Register source = narrow ? Register.ESI : Register.RSI;
        Register destination = narrow ? Register.EDI : Register.RDI;
        Register accumulator = width switch { 8 => Register.AL, 16 => Register.AX, 32 => Register.EAX, _ => Register.RAX };
        Value from = _o.ReadRegister(source);
        Value to = _o.ReadRegister(destination);
        Value fromAddress = _b.Add(_b.ZeroExtend(from), SegmentBase());
        Value toAddress = _b.ZeroExtend(to);
        switch (name)
        {
            case nameof(StringSemantics.Move):
                _b.Store(toAddress, width, _b.Load(fromAddress, width));
                Step(source, from, width);
                Step(destination, to, width);
                break;
            case nameof(StringSemantics.Store):
                _b.Store(toAddress, width, _o.ReadRegister(accumulator));
                Step(destination, to, width);
                break;
            case nameof(StringSemantics.Load):
                Value loaded = _b.Load(fromAddress, width);
                Step(source, from, width);
                _o.WriteRegister(accumulator, loaded);
                break;
            case nameof(StringSemantics.Compare):
                Value left = _b.Load(fromAddress, width);
                Value right = _b.Load(toAddress, width);
                Step(source, from, width);
                Step(destination, to, width);
                _b.SetSubtractFlags(left, right, _b.Narrow(_b.Sub(left, right), width), width);
                break;
            default:
                Value wanted = _o.ReadRegister(accumulator);
                Value seen = _b.Load(toAddress, width);
                Step(destination, to, width);
                _b.SetSubtractFlags(wanted, seen, _b.Narrow(_b.Sub(wanted, seen), width), width);
                break;
        }
    }

    private void Step(Register register, Value value, int width)
    {
        Value direction = _b.Get(CpuState.FlagDOffset, 64);
        Value step = _b.Sub(_b.Constant(width / 8), _b.Mul(direction, _b.Constant(width / 4)));
        _o.WriteRegister(register, _b.Add(value, value.Type == IrType.I32 ? _b.Truncate(step) : step));
    }
}
