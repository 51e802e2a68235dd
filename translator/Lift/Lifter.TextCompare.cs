using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>SSE4.2's text comparisons. Their memory operand need not be aligned.</summary>
public sealed partial class Lifter
{
    private bool TryTextCompare()
    {
        (bool isExplicit, bool isIndex) = (false, false);
        switch (_i.Mnemonic)
        {
            case Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64 or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestri64:
                (isExplicit, isIndex) = (true, true);
                break;
            case Mnemonic.Pcmpestrm or Mnemonic.Pcmpestrm64 or Mnemonic.Vpcmpestrm or Mnemonic.Vpcmpestrm64:
                isExplicit = true;
                break;
            case Mnemonic.Pcmpistri or Mnemonic.Vpcmpistri:
                isIndex = true;
                break;
            case Mnemonic.Pcmpistrm or Mnemonic.Vpcmpistrm:
                break;
            default:
                return false;
        }

        Value second = _o.Read(1, 128);
        Value first = _o.Read(0, 128);
        Value result = isExplicit
            ? _b.Call(Method(typeof(TextCompare), nameof(TextCompare.Explicit)), first, second, TextLength(Register.RAX), TextLength(Register.RDX), Control)
            : _b.Call(Method(typeof(TextCompare), nameof(TextCompare.Implicit)), first, second, Control);
        if (isIndex)
        {
            _o.WriteRegister(Register.ECX, _b.Call(Method(typeof(TextCompare), nameof(TextCompare.Index)), result, Control));
        }
        else
        {
            Value mask = _b.Call(Method(typeof(TextCompare), nameof(TextCompare.Mask)), result, Control);
            _b.Set(CpuState.VectorOffset, IsVex ? 256 : 128, IsVex ? ClearAbove(mask) : mask);
        }

        SetTextFlags(result);
        return true;
    }

    /// <summary>A length register: 64 bits only with REX.W or VEX.W.</summary>
    private Value TextLength(Register register)
    {
        bool wide = _i.Mnemonic is Mnemonic.Pcmpestri64 or Mnemonic.Vpcmpestri64 or Mnemonic.Pcmpestrm64 or Mnemonic.Vpcmpestrm64;
        Value length = _o.ReadRegister(register);
        return wide ? length : _b.SignExtend(_b.Truncate(length));
    }

    private void SetTextFlags(Value result)
    {
        Value found = _b.Mask(result, 0xffff);
        Value secondEnds = _b.Mask(result, 1 << TextCompare.SecondEndsBit);
        Value firstEnds = _b.Mask(_b.ShiftRight(result, TextCompare.FirstEndsBit), 1);
        _b.SetFlagVariable(StatusFlags.Carry, _b.IsNotZero(found));
        _b.SetFlagVariable(StatusFlags.Zero, _b.IsZero(secondEnds));
        _b.SetFlagVariable(StatusFlags.Sign, _b.ShiftLeft(_b.ZeroExtend(firstEnds), 63));
        _b.SetFlagVariable(StatusFlags.Overflow, _b.Mask(result, 1));
        _b.SetFlagVariable(StatusFlags.Adjust, _b.Constant(0));
        _b.SetFlagVariable(StatusFlags.Parity, _b.Constant(1));
    }
}
