using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Conversions between integers and floating-point formats.</summary>
public sealed partial class Lifter
{
    private bool TryVectorConvert()
    {
        RaisesFloatExceptions = TryConvertScalar() || TryConvertPacked() || TryConvertMmx() || TryConvertHalf();
        return RaisesFloatExceptions;
    }

    private bool TryConvertScalar()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Cvtsi2ss or Mnemonic.Vcvtsi2ss:
                LiftFromInteger(typeof(Vector128<float>));
                return true;
            case Mnemonic.Cvtsi2sd or Mnemonic.Vcvtsi2sd:
                LiftFromInteger(typeof(Vector128<double>));
                return true;
            case Mnemonic.Cvtss2si or Mnemonic.Vcvtss2si:
                LiftToInteger("To", typeof(Vector128<float>));
                return true;
            case Mnemonic.Cvtsd2si or Mnemonic.Vcvtsd2si:
                LiftToInteger("To", typeof(Vector128<double>));
                return true;
            case Mnemonic.Cvttss2si or Mnemonic.Vcvttss2si:
                LiftToInteger("TruncateTo", typeof(Vector128<float>));
                return true;
            case Mnemonic.Cvttsd2si or Mnemonic.Vcvttsd2si:
                LiftToInteger("TruncateTo", typeof(Vector128<double>));
                return true;
            case Mnemonic.Cvtss2sd or Mnemonic.Vcvtss2sd:
                LiftChangeScalar(nameof(FloatConvert.WidenScalar));
                return true;
            case Mnemonic.Cvtsd2ss or Mnemonic.Vcvtsd2ss:
                LiftChangeScalar(nameof(FloatConvert.NarrowScalar));
                return true;
            default:
                return false;
        }
    }

    private void LiftFromInteger(Type vector)
    {
        int source = FirstSource + 1;
        Value integer = _o.Read(source);
        bool wide = integer.Type == IrType.I64;
        string name = wide ? nameof(FloatConvert.FromInt64) : nameof(FloatConvert.FromInt32);
        WriteVector(0, _b.Call(Overload(typeof(FloatConvert), name, vector, wide ? typeof(long) : typeof(int)), ReadVector(FirstSource), integer));
    }

    private void LiftToInteger(string prefix, Type vector)
    {
        Value value = ReadFloat(1);
        _o.Write(0, _b.Call(Overload(typeof(FloatConvert), prefix + (_o.Width(0) == 64 ? "Int64" : "Int32"), vector), value));
    }

    private void LiftChangeScalar(string name)
    {
        Value value = ReadFloat(FirstSource + 1);
        WriteVector(0, _b.Call(Method(typeof(FloatConvert), name), ReadVector(FirstSource), value));
    }

    private bool TryConvertPacked()
    {
        bool wide = _i.Op0Register.IsYMM();
        switch (_i.Mnemonic)
        {
            case Mnemonic.Cvtps2pd or Mnemonic.Vcvtps2pd:
                LiftConvertPacked(wide ? nameof(FloatConvert.Widen256) : nameof(FloatConvert.Widen), typeof(float));
                return true;
            case Mnemonic.Cvtpd2ps or Mnemonic.Vcvtpd2ps:
                LiftConvertPacked(nameof(FloatConvert.Narrow), typeof(double));
                return true;
            case Mnemonic.Cvtdq2ps or Mnemonic.Vcvtdq2ps:
                LiftConvertPacked(nameof(FloatConvert.ToSingles), typeof(int));
                return true;
            case Mnemonic.Cvtdq2pd or Mnemonic.Vcvtdq2pd:
                LiftConvertPacked(wide ? nameof(FloatConvert.ToDoubles256) : nameof(FloatConvert.ToDoubles), typeof(int));
                return true;
            case Mnemonic.Cvtps2dq or Mnemonic.Vcvtps2dq:
                LiftConvertPacked(nameof(FloatConvert.ToIntegers), typeof(float));
                return true;
            case Mnemonic.Cvtpd2dq or Mnemonic.Vcvtpd2dq:
                LiftConvertPacked(nameof(FloatConvert.ToIntegers), typeof(double));
                return true;
            case Mnemonic.Cvttps2dq or Mnemonic.Vcvttps2dq:
                LiftConvertPacked(nameof(FloatConvert.TruncateToIntegers), typeof(float));
                return true;
            case Mnemonic.Cvttpd2dq or Mnemonic.Vcvttpd2dq:
                LiftConvertPacked(nameof(FloatConvert.TruncateToIntegers), typeof(double));
                return true;
            default:
                return false;
        }
    }

    private void LiftConvertPacked(string name, Type element)
    {
        Value value = ReadFloat(1);
        Type vector = (value.Type == IrType.V256 ? typeof(Vector256<>) : typeof(Vector128<>)).MakeGenericType(element);
        WriteVector(0, _b.Call(Overload(typeof(FloatConvert), name, vector), value));
    }

    private bool TryConvertHalf()
    {
        if (_i.Mnemonic == Mnemonic.Vcvtph2ps)
        {
            bool wide = _i.Op0Register.IsYMM();
            Value halves = wide ? ReadVector(1) : _o.Read(1, 64);
            string name = wide ? nameof(HalfFloat.ToSingles256) : nameof(HalfFloat.ToSingles);
            WriteVector(0, _b.Call(Method(typeof(HalfFloat), name), _b.Cpu(), halves));
            return true;
        }

        if (_i.Mnemonic != Mnemonic.Vcvtps2ph)
        {
            return false;
        }

        if (_o.IsMemory(0))
        {
            // A page fault comes before the flags.
            _b.Pointer(_o.Address(), _o.Width(0) / 8, true);
        }

        Value singles = ReadVector(1);
        Type vector = singles.Type == IrType.V256 ? typeof(Vector256<float>) : typeof(Vector128<float>);
        Value result = _b.Call(
            Overload(typeof(HalfFloat), nameof(HalfFloat.FromSingles), typeof(CpuState*), vector, typeof(int)),
            _b.Cpu(),
            singles,
            _o.Immediate(2, 32));
        if (_o.IsMemory(0))
        {
            _o.Write(0, result);
        }
        else
        {
            WriteVector(0, result.Type == IrType.I64 ? FromScalar(result) : result);
        }

        return true;
    }

    private bool TryConvertMmx()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Cvtpi2ps:
                Value pair = ReadPair();
                WriteVector(0, _b.Call(Method(typeof(FloatConvert), nameof(FloatConvert.PairToSingles)), ReadVector(0), pair));
                return true;
            case Mnemonic.Cvtpi2pd:
                WriteVector(0, _b.Call(Method(typeof(FloatConvert), nameof(FloatConvert.PairToDoubles)), ReadPair()));
                return true;
            case Mnemonic.Cvtps2pi:
                LiftToPair(nameof(FloatConvert.PairToIntegers), typeof(Vector128<float>));
                return true;
            case Mnemonic.Cvtpd2pi:
                LiftToPair(nameof(FloatConvert.PairToIntegers), typeof(Vector128<double>));
                return true;
            case Mnemonic.Cvttps2pi:
                LiftToPair(nameof(FloatConvert.TruncatePairToIntegers), typeof(Vector128<float>));
                return true;
            case Mnemonic.Cvttpd2pi:
                LiftToPair(nameof(FloatConvert.TruncatePairToIntegers), typeof(Vector128<double>));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Two integers in an MMX register or memory; memory has nothing to do with the x87 unit (APM vol. 5, CVTPI2PS).</summary>
    private Value ReadPair()
    {
        if (!_o.IsRegister(1))
        {
            return _o.Read(1);
        }

        BeginMmx();
        Value pair = _o.Read(1);
        EnterMmx();
        return pair;
    }

    private void LiftToPair(string name, Type vector)
    {
        BeginMmx();
        WriteMmx(0, FromScalar(_b.Call(Overload(typeof(FloatConvert), name, vector), ReadFloat(1))));
    }
}
