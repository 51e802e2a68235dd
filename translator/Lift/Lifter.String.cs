using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;
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

    private bool UsesNarrowAddress => !_o.IsLegacy && NarrowStringAddress();

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

    /// <summary>The destination's segment is ES, whose base counts in legacy code.</summary>
    private Value DestinationBase() => _o.IsLegacy ? _b.Get(SystemPlaces.SegmentBase(Register.ES), 64) : _b.Constant(0);

    /// <summary>In legacy code records know whether indices have 16 or 32 bits: bit 16 of the mask becomes the flag of 32.</summary>
    private Value StringFlags(int flags)
    {
        if (!_o.IsLegacy)
        {
            return _b.Constant32(flags);
        }

        Value wide = _b.Mask(_b.ShiftRight(_b.Truncate(_b.Field(OpField.AddressMask)), 16), 1);
        return _b.Or(_b.ShiftLeft(wide, 4), _b.Constant32(flags | StringSemantics.Legacy));
    }

    private void LiftRepeated(string name, int bytes)
    {
        bool whileEqual = !_i.HasRepnePrefix;
        int flags = bytes | (UsesNarrowAddress ? StringSemantics.NarrowAddress : 0) | (whileEqual ? StringSemantics.WhileEqual : 0);
        Value done = _b.Call(Method(typeof(StringSemantics), name), _b.Cpu(), SegmentBase(), StringFlags(flags));
        _b.ForgetFlags();
        _b.Branch(done, _o.NextAddress, _o.ThisAddress);
    }

    private void LiftSingle(string name, int width)
    {
        Register accumulator = width switch { 8 => Register.AL, 16 => Register.AX, 32 => Register.EAX, _ => Register.RAX };
        StringIndex source = Index(Register.RSI, SegmentBase());
        StringIndex destination = Index(Register.RDI, DestinationBase());
        Value fromAddress = source.Address;
        Value toAddress = destination.Address;
        switch (name)
        {
            case nameof(StringSemantics.Move):
                _b.Store(toAddress, width, _b.Load(fromAddress, width));
                Step(source, width);
                Step(destination, width);
                break;
            case nameof(StringSemantics.Store):
                _b.Store(toAddress, width, _o.ReadRegister(accumulator));
                Step(destination, width);
                break;
            case nameof(StringSemantics.Load):
                Value loaded = _b.Load(fromAddress, width);
                Step(source, width);
                _o.WriteRegister(accumulator, loaded);
                break;
            case nameof(StringSemantics.Compare):
                // The destination first: processors do, which shows when neither is there.
                Value right = _b.Load(toAddress, width);
                Value left = LoadApart(fromAddress, width);
                Step(source, width);
                Step(destination, width);
                _b.SetSubtractFlags(left, right, _b.Narrow(_b.Sub(left, right), width), width);
                break;
            default:
                Value wanted = _o.ReadRegister(accumulator);
                Value seen = _b.Load(toAddress, width);
                Step(destination, width);
                _b.SetSubtractFlags(wanted, seen, _b.Narrow(_b.Sub(wanted, seen), width), width);
                break;
        }
    }

    /// <summary>
    /// An instruction's second load. Not inline, as the first: pages with one index in the soft TLB, or accesses across one page's end, would throw each other's entry out for ever.
    /// </summary>
    private Value LoadApart(Value address, int width) =>
        _b.Narrow(_b.Call(Method(typeof(GuestAccess), nameof(GuestAccess.Read)), _b.Cpu(), address, _b.Constant32(width / 8)), width);

    private StringIndex Index(Register register, Value segmentBase)
    {
        if (_o.IsLegacy)
        {
            Value offset = _b.And(_o.ReadRegister(register), _b.Field(OpField.AddressMask));
            return new StringIndex(register, offset, _b.ZeroExtend(_b.Truncate(_b.Add(offset, segmentBase))));
        }

        register = UsesNarrowAddress ? register - Register.RAX + Register.EAX : register;
        Value index = _o.ReadRegister(register);
        Value wide = _b.ZeroExtend(index);
        return new StringIndex(register, index, register.GetFullRegister() == Register.RSI ? _b.Add(wide, segmentBase) : wide);
    }

    private void Step(StringIndex index, int width)
    {
        Value direction = _b.Get(CpuState.FlagDOffset, 64);
        Value step = _b.Sub(_b.Constant(width / 8), _b.Mul(direction, _b.Constant(width / 4)));
        Value value = _b.Add(index.Offset, index.Offset.Type == IrType.I32 ? _b.Truncate(step) : step);
        if (_o.IsLegacy)
        {
            Value mask = _b.Field(OpField.AddressMask);
            value = _b.Or(_b.And(_o.ReadRegister(index.Register), _b.Not(mask)), _b.And(value, mask));
        }

        _o.WriteRegister(index.Register, value);
    }

    /// <summary>An index register of a string instruction, its value, and the linear address of the element.</summary>
    private readonly record struct StringIndex(Register Register, Value Offset, Value Address);
}
