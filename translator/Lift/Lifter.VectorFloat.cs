using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>SSE and AVX floating-point arithmetic and comparison. The host's MXCSR is the guest's, but for its masks.</summary>
public sealed partial class Lifter
{
    /// <summary>Whether one element or all of them are worked on, and what they are.</summary>
    private enum FloatShape
    {
        ScalarSingle,
        ScalarDouble,
        PackedSingle,
        PackedDouble,
    }

    /// <summary>
    /// Whether the instruction lifted last may set MXCSR's exception flags: with one of them unmasked it must be
    /// checked afterwards.
    /// </summary>
    public bool RaisesFloatExceptions { get; private set; }

    private bool TryVectorFloat()
    {
        RaisesFloatExceptions = TryFloatBinary() || TryFloatUnary() || TryFloatCompare() || TryFloatControlled() || TryFused();
        return RaisesFloatExceptions;
    }

    private static bool IsScalar(FloatShape shape) => shape <= FloatShape.ScalarDouble;

    private static Type ElementOf(FloatShape shape) => shape is FloatShape.ScalarSingle or FloatShape.PackedSingle ? typeof(float) : typeof(double);

    private static Type VectorOf(FloatShape shape, IrType type) =>
        (type == IrType.V256 ? typeof(Vector256<>) : typeof(Vector128<>)).MakeGenericType(ElementOf(shape));

    /// <summary>A floating-point operand as a vector; only the lowest bits of one narrower in memory matter.</summary>
    private Value ReadFloat(int operand) => _o.IsMemory(operand) && _o.Width(operand) < 128 ? FromScalar(_o.Read(operand)) : ReadVector(operand);

    /// <summary>The overload of a semantic method for these arguments: vectors of the shape's elements, pointers and integers.</summary>
    private Value CallFloat(Type type, string name, FloatShape shape, params ReadOnlySpan<Value> arguments)
    {
        Type[] types = new Type[arguments.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = arguments[i].Type switch
            {
                IrType.I32 => typeof(int),
                IrType.I64 => typeof(CpuState*),
                _ => VectorOf(shape, arguments[i].Type),
            };
        }

        return _b.Call(Overload(type, name, types), arguments);
    }

    private static MethodInfo Overload(Type type, string name, params Type[] types) =>
        type.GetMethod(name, BindingFlags.Public | BindingFlags.Static, types) ?? throw new MissingMethodException(type.Name, name);

    private bool TryFloatBinary()
    {
        (string name, FloatShape shape) = _i.Mnemonic switch
        {
            Mnemonic.Addss or Mnemonic.Vaddss => (nameof(PackedFloat.Add), FloatShape.ScalarSingle),
            Mnemonic.Addsd or Mnemonic.Vaddsd => (nameof(PackedFloat.Add), FloatShape.ScalarDouble),
            Mnemonic.Addps or Mnemonic.Vaddps => (nameof(PackedFloat.Add), FloatShape.PackedSingle),
            Mnemonic.Addpd or Mnemonic.Vaddpd => (nameof(PackedFloat.Add), FloatShape.PackedDouble),
            Mnemonic.Subss or Mnemonic.Vsubss => (nameof(PackedFloat.Subtract), FloatShape.ScalarSingle),
            Mnemonic.Subsd or Mnemonic.Vsubsd => (nameof(PackedFloat.Subtract), FloatShape.ScalarDouble),
            Mnemonic.Subps or Mnemonic.Vsubps => (nameof(PackedFloat.Subtract), FloatShape.PackedSingle),
            Mnemonic.Subpd or Mnemonic.Vsubpd => (nameof(PackedFloat.Subtract), FloatShape.PackedDouble),
            Mnemonic.Mulss or Mnemonic.Vmulss => (nameof(PackedFloat.Multiply), FloatShape.ScalarSingle),
            Mnemonic.Mulsd or Mnemonic.Vmulsd => (nameof(PackedFloat.Multiply), FloatShape.ScalarDouble),
            Mnemonic.Mulps or Mnemonic.Vmulps => (nameof(PackedFloat.Multiply), FloatShape.PackedSingle),
            Mnemonic.Mulpd or Mnemonic.Vmulpd => (nameof(PackedFloat.Multiply), FloatShape.PackedDouble),
            Mnemonic.Divss or Mnemonic.Vdivss => (nameof(PackedFloat.Divide), FloatShape.ScalarSingle),
            Mnemonic.Divsd or Mnemonic.Vdivsd => (nameof(PackedFloat.Divide), FloatShape.ScalarDouble),
            Mnemonic.Divps or Mnemonic.Vdivps => (nameof(PackedFloat.Divide), FloatShape.PackedSingle),
            Mnemonic.Divpd or Mnemonic.Vdivpd => (nameof(PackedFloat.Divide), FloatShape.PackedDouble),
            Mnemonic.Minss or Mnemonic.Vminss => (nameof(PackedFloat.Min), FloatShape.ScalarSingle),
            Mnemonic.Minsd or Mnemonic.Vminsd => (nameof(PackedFloat.Min), FloatShape.ScalarDouble),
            Mnemonic.Minps or Mnemonic.Vminps => (nameof(PackedFloat.Min), FloatShape.PackedSingle),
            Mnemonic.Minpd or Mnemonic.Vminpd => (nameof(PackedFloat.Min), FloatShape.PackedDouble),
            Mnemonic.Maxss or Mnemonic.Vmaxss => (nameof(PackedFloat.Max), FloatShape.ScalarSingle),
            Mnemonic.Maxsd or Mnemonic.Vmaxsd => (nameof(PackedFloat.Max), FloatShape.ScalarDouble),
            Mnemonic.Maxps or Mnemonic.Vmaxps => (nameof(PackedFloat.Max), FloatShape.PackedSingle),
            Mnemonic.Maxpd or Mnemonic.Vmaxpd => (nameof(PackedFloat.Max), FloatShape.PackedDouble),
            Mnemonic.Addsubps or Mnemonic.Vaddsubps => (nameof(PackedFloat.AddSubtract), FloatShape.PackedSingle),
            Mnemonic.Addsubpd or Mnemonic.Vaddsubpd => (nameof(PackedFloat.AddSubtract), FloatShape.PackedDouble),
            Mnemonic.Haddps or Mnemonic.Vhaddps => (nameof(PackedFloat.HorizontalAdd), FloatShape.PackedSingle),
            Mnemonic.Haddpd or Mnemonic.Vhaddpd => (nameof(PackedFloat.HorizontalAdd), FloatShape.PackedDouble),
            Mnemonic.Hsubps or Mnemonic.Vhsubps => (nameof(PackedFloat.HorizontalSubtract), FloatShape.PackedSingle),
            Mnemonic.Hsubpd or Mnemonic.Vhsubpd => (nameof(PackedFloat.HorizontalSubtract), FloatShape.PackedDouble),
            _ => ("", default),
        };
        if (name.Length == 0)
        {
            return false;
        }

        Value b = ReadFloat(FirstSource + 1);
        Value a = ReadVector(FirstSource);
        if (!_o.IsMemory(FirstSource + 1) && _i.GetOpRegister(FirstSource) == _i.GetOpRegister(FirstSource + 1))
        {
            // Whichever of the two is the first one.
            name = name switch
            {
                nameof(PackedFloat.Add) when !IsScalar(shape) => nameof(PackedFloat.AddInAnyOrder),
                nameof(PackedFloat.Multiply) when !IsScalar(shape) => nameof(PackedFloat.MultiplyInAnyOrder),
                _ => name,
            };
        }

        WriteVector(0, CallFloat(IsScalar(shape) ? typeof(ScalarFloat) : typeof(PackedFloat), name, shape, a, b));
        return true;
    }

    private bool TryFloatUnary()
    {
        (string name, FloatShape shape) = _i.Mnemonic switch
        {
            Mnemonic.Sqrtss or Mnemonic.Vsqrtss => (nameof(PackedFloat.Sqrt), FloatShape.ScalarSingle),
            Mnemonic.Sqrtsd or Mnemonic.Vsqrtsd => (nameof(PackedFloat.Sqrt), FloatShape.ScalarDouble),
            Mnemonic.Sqrtps or Mnemonic.Vsqrtps => (nameof(PackedFloat.Sqrt), FloatShape.PackedSingle),
            Mnemonic.Sqrtpd or Mnemonic.Vsqrtpd => (nameof(PackedFloat.Sqrt), FloatShape.PackedDouble),
            Mnemonic.Rcpss or Mnemonic.Vrcpss => (nameof(PackedFloat.Reciprocal), FloatShape.ScalarSingle),
            Mnemonic.Rcpps or Mnemonic.Vrcpps => (nameof(PackedFloat.Reciprocal), FloatShape.PackedSingle),
            Mnemonic.Rsqrtss or Mnemonic.Vrsqrtss => (nameof(PackedFloat.ReciprocalSqrt), FloatShape.ScalarSingle),
            Mnemonic.Rsqrtps or Mnemonic.Vrsqrtps => (nameof(PackedFloat.ReciprocalSqrt), FloatShape.PackedSingle),
            _ => ("", default),
        };
        if (name.Length == 0)
        {
            return false;
        }

        Value value = ReadFloat(_i.OpCount - 1);
        WriteVector(0, IsScalar(shape)
            ? CallFloat(typeof(ScalarFloat), name, shape, ReadVector(FirstSource), value)
            : CallFloat(typeof(PackedFloat), name, shape, value));
        return true;
    }

    private bool TryFloatCompare()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Comiss or Mnemonic.Vcomiss:
                LiftFloatFlags("", FloatShape.ScalarSingle);
                return true;
            case Mnemonic.Comisd or Mnemonic.Vcomisd:
                LiftFloatFlags("", FloatShape.ScalarDouble);
                return true;
            case Mnemonic.Ucomiss or Mnemonic.Vucomiss:
                LiftFloatFlags("Quiet", FloatShape.ScalarSingle);
                return true;
            case Mnemonic.Ucomisd or Mnemonic.Vucomisd:
                LiftFloatFlags("Quiet", FloatShape.ScalarDouble);
                return true;
            case Mnemonic.Cmpss or Mnemonic.Vcmpss:
                LiftFloatMask(FloatShape.ScalarSingle);
                return true;
            case Mnemonic.Cmpsd or Mnemonic.Vcmpsd:
                LiftFloatMask(FloatShape.ScalarDouble);
                return true;
            case Mnemonic.Cmpps or Mnemonic.Vcmpps:
                LiftFloatMask(FloatShape.PackedSingle);
                return true;
            case Mnemonic.Cmppd or Mnemonic.Vcmppd:
                LiftFloatMask(FloatShape.PackedDouble);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Less sets CF, equal ZF, unordered these two and PF (SDM vol. 2A, COMISS): two comparisons tell all four cases.</summary>
    private void LiftFloatFlags(string prefix, FloatShape shape)
    {
        Value b = ReadFloat(1);
        Value a = ReadVector(0);
        Value notLess = CallFloat(typeof(FloatCompare), prefix + nameof(FloatCompare.GreaterThanOrEqual), shape, a, b);
        Value notGreater = CallFloat(typeof(FloatCompare), prefix + nameof(FloatCompare.LessThanOrEqual), shape, a, b);
        Value zero = _b.Constant(0);
        _b.SetFlagVariable(StatusFlags.Carry, _b.IsZero(notLess));
        _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(notLess, notGreater));
        _b.SetFlagVariable(StatusFlags.Parity, _b.Or(notLess, notGreater));
        _b.SetFlagVariable(StatusFlags.Overflow, zero);
        _b.SetFlagVariable(StatusFlags.Sign, zero);
        _b.SetFlagVariable(StatusFlags.Adjust, zero);
    }

    private void LiftFloatMask(FloatShape shape)
    {
        Value b = ReadFloat(FirstSource + 1);
        Value a = ReadVector(FirstSource);
        string scalar = IsScalar(shape) ? "Scalar" : "";
        int predicate = _i.Immediate8 & (IsVex ? 31 : 7);
        if (!_o.IsSymbolic && Avx.IsSupported && FloatCompare.IsIntrinsic(predicate))
        {
            Value mode = _b.Constant32(predicate);
            Type vector = VectorOf(shape, a.Type);
            WriteVector(0, _b.Call(Overload(typeof(Avx), "Compare" + scalar, vector, vector, typeof(FloatComparisonMode)), a, b, mode));
            return;
        }

        string name = (IsVex ? nameof(FloatCompare.Extended) : nameof(FloatCompare.Legacy)) + scalar;
        WriteVector(0, CallFloat(typeof(FloatCompare), name, shape, a, b, _o.Immediate(_i.OpCount - 1, 32)));
    }

    private bool TryFloatControlled()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Roundss or Mnemonic.Vroundss:
                LiftRound(FloatShape.ScalarSingle);
                return true;
            case Mnemonic.Roundsd or Mnemonic.Vroundsd:
                LiftRound(FloatShape.ScalarDouble);
                return true;
            case Mnemonic.Roundps or Mnemonic.Vroundps:
                LiftRound(FloatShape.PackedSingle);
                return true;
            case Mnemonic.Roundpd or Mnemonic.Vroundpd:
                LiftRound(FloatShape.PackedDouble);
                return true;
            case Mnemonic.Dpps or Mnemonic.Vdpps:
                LiftDotProduct(FloatShape.PackedSingle);
                return true;
            case Mnemonic.Dppd or Mnemonic.Vdppd:
                LiftDotProduct(FloatShape.PackedDouble);
                return true;
            default:
                return false;
        }
    }

    private void LiftRound(FloatShape shape)
    {
        int control = _o.IsSymbolic ? -1 : _i.Immediate8 & 12;
        Value value = ReadFloat(_i.OpCount - 2);
        Value immediate = _o.Immediate(_i.OpCount - 1, 32);
        Value[] sources = IsScalar(shape) ? [ReadVector(FirstSource), value] : [value];
        string scalar = IsScalar(shape) ? "Scalar" : "";
        WriteVector(0, control switch
        {
            4 => CallFloat(typeof(FloatRound), nameof(FloatRound.Current) + scalar, shape, sources),
            0 => CallFloat(typeof(FloatRound), nameof(FloatRound.Toward) + scalar, shape, [.. sources, _b.Constant32(_i.Immediate8 & 3)]),
            _ => CallFloat(typeof(FloatRound), nameof(FloatRound.Round) + scalar, shape, [_b.Cpu(), .. sources, immediate]),
        });
    }

    private void LiftDotProduct(FloatShape shape)
    {
        Value b = ReadFloat(FirstSource + 1);
        Value a = ReadVector(FirstSource);
        WriteVector(0, CallFloat(typeof(FloatDot), nameof(FloatDot.Dot), shape, a, b, _o.Immediate(_i.OpCount - 1, 32)));
    }

    /// <summary>VFMADD132PS … VFNMSUB231SD: operation, the operands' roles in digits, then the shape.</summary>
    private bool TryFused()
    {
        if (_i.Mnemonic is < Mnemonic.Vfmadd132pd or > Mnemonic.Vfnmsub231ss)
        {
            return false;
        }

        string mnemonic = _i.Mnemonic.ToString();
        string name = mnemonic[..^5] switch
        {
            "Vfmadd" => nameof(FusedFloat.MultiplyAdd),
            "Vfmsub" => nameof(FusedFloat.MultiplySubtract),
            "Vfnmadd" => nameof(FusedFloat.MultiplyAddNegated),
            "Vfnmsub" => nameof(FusedFloat.MultiplySubtractNegated),
            "Vfmaddsub" => nameof(FusedFloat.MultiplyAddSubtract),
            "Vfmsubadd" => nameof(FusedFloat.MultiplySubtractAdd),
            _ => "",
        };
        FloatShape? shape = mnemonic[^2..] switch
        {
            "ss" => FloatShape.ScalarSingle,
            "sd" => FloatShape.ScalarDouble,
            "ps" => FloatShape.PackedSingle,
            "pd" => FloatShape.PackedDouble,
            _ => null,
        };
        if (name.Length == 0 || shape is not { } known)
        {
            return false;
        }

        Value third = ReadFloat(2);
        Value second = ReadVector(1);
        Value first = ReadVector(0);
        (Value a, Value b, Value c) = mnemonic[^5..^2] switch
        {
            "132" => (first, third, second),
            "213" => (second, first, third),
            _ => (second, third, first),
        };
        WriteVector(0, IsScalar(known)
            ? CallFloat(typeof(FusedFloat), name + "Scalar", known, first, a, b, c)
            : CallFloat(typeof(FusedFloat), name, known, a, b, c));
        return true;
    }
}
