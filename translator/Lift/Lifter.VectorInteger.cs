using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Packed integer arithmetic, comparison, logic and shifts.</summary>
public sealed partial class Lifter
{
    /// <summary>How an operation of two vectors carries over to the 64-bit MMX registers.</summary>
    private enum MmxShape
    {
        /// <summary>Element by element: the low half of the result.</summary>
        Elementwise,

        /// <summary>The first operand's elements, then the second's: both operands side by side in one vector.</summary>
        Concatenated,

        /// <summary>The upper half of the result of interleaving.</summary>
        UpperHalf,
    }

    /// <summary>A pure operation of one or two vectors.</summary>
    private readonly record struct PackedOperation(Type Owner, string Name, Type Element, bool Swapped = false, MmxShape Shape = MmxShape.Elementwise);

    private bool TryVectorInteger()
    {
        PackedOperation operation = PackedArithmeticOf(_i.Mnemonic);
        operation = operation.Owner is null ? PackedLogicOf(_i.Mnemonic) : operation;
        operation = operation.Owner is null ? PackedProductOf(_i.Mnemonic) : operation;
        if (operation.Owner is not null)
        {
            LiftTwoVectors(operation);
            return true;
        }

        operation = PackedUnaryOf(_i.Mnemonic);
        if (operation.Owner is not null)
        {
            Value source = ReadVector(1);
            WriteVector(0, CallVector(operation.Owner, operation.Name, _o.Width(0), operation.Element, source));
            return true;
        }

        return TryPackedShift() || TryWiden() || TryVectorTest();
    }

    private void LiftTwoVectors(PackedOperation operation)
    {
        Value second = ReadVector(_i.OpCount - 1);
        Value first = _o.Read(FirstSource);
        (first, second) = operation.Swapped ? (second, first) : (first, second);
        WriteVector(0, CallVector(operation.Owner, operation.Name, _o.Width(0), operation.Element, first, second));
    }

    private static PackedOperation Portable<T>(string name) => new(typeof(Vector128), name, typeof(T));

    private static PackedOperation PackedArithmeticOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Paddb or Mnemonic.Vpaddb => Portable<byte>(nameof(Vector128.Add)),
        Mnemonic.Paddw or Mnemonic.Vpaddw => Portable<ushort>(nameof(Vector128.Add)),
        Mnemonic.Paddd or Mnemonic.Vpaddd => Portable<uint>(nameof(Vector128.Add)),
        Mnemonic.Paddq or Mnemonic.Vpaddq => Portable<ulong>(nameof(Vector128.Add)),
        Mnemonic.Psubb or Mnemonic.Vpsubb => Portable<byte>(nameof(Vector128.Subtract)),
        Mnemonic.Psubw or Mnemonic.Vpsubw => Portable<ushort>(nameof(Vector128.Subtract)),
        Mnemonic.Psubd or Mnemonic.Vpsubd => Portable<uint>(nameof(Vector128.Subtract)),
        Mnemonic.Psubq or Mnemonic.Vpsubq => Portable<ulong>(nameof(Vector128.Subtract)),
        Mnemonic.Paddsb or Mnemonic.Vpaddsb => Portable<sbyte>(nameof(Vector128.AddSaturate)),
        Mnemonic.Paddsw or Mnemonic.Vpaddsw => Portable<short>(nameof(Vector128.AddSaturate)),
        Mnemonic.Paddusb or Mnemonic.Vpaddusb => Portable<byte>(nameof(Vector128.AddSaturate)),
        Mnemonic.Paddusw or Mnemonic.Vpaddusw => Portable<ushort>(nameof(Vector128.AddSaturate)),
        Mnemonic.Psubsb or Mnemonic.Vpsubsb => Portable<sbyte>(nameof(Vector128.SubtractSaturate)),
        Mnemonic.Psubsw or Mnemonic.Vpsubsw => Portable<short>(nameof(Vector128.SubtractSaturate)),
        Mnemonic.Psubusb or Mnemonic.Vpsubusb => Portable<byte>(nameof(Vector128.SubtractSaturate)),
        Mnemonic.Psubusw or Mnemonic.Vpsubusw => Portable<ushort>(nameof(Vector128.SubtractSaturate)),
        Mnemonic.Pminsb or Mnemonic.Vpminsb => Portable<sbyte>(nameof(Vector128.Min)),
        Mnemonic.Pminsw or Mnemonic.Vpminsw => Portable<short>(nameof(Vector128.Min)),
        Mnemonic.Pminsd or Mnemonic.Vpminsd => Portable<int>(nameof(Vector128.Min)),
        Mnemonic.Pminub or Mnemonic.Vpminub => Portable<byte>(nameof(Vector128.Min)),
        Mnemonic.Pminuw or Mnemonic.Vpminuw => Portable<ushort>(nameof(Vector128.Min)),
        Mnemonic.Pminud or Mnemonic.Vpminud => Portable<uint>(nameof(Vector128.Min)),
        Mnemonic.Pmaxsb or Mnemonic.Vpmaxsb => Portable<sbyte>(nameof(Vector128.Max)),
        Mnemonic.Pmaxsw or Mnemonic.Vpmaxsw => Portable<short>(nameof(Vector128.Max)),
        Mnemonic.Pmaxsd or Mnemonic.Vpmaxsd => Portable<int>(nameof(Vector128.Max)),
        Mnemonic.Pmaxub or Mnemonic.Vpmaxub => Portable<byte>(nameof(Vector128.Max)),
        Mnemonic.Pmaxuw or Mnemonic.Vpmaxuw => Portable<ushort>(nameof(Vector128.Max)),
        Mnemonic.Pmaxud or Mnemonic.Vpmaxud => Portable<uint>(nameof(Vector128.Max)),
        Mnemonic.Pcmpeqb or Mnemonic.Vpcmpeqb => Portable<byte>(nameof(Vector128.Equals)),
        Mnemonic.Pcmpeqw or Mnemonic.Vpcmpeqw => Portable<ushort>(nameof(Vector128.Equals)),
        Mnemonic.Pcmpeqd or Mnemonic.Vpcmpeqd => Portable<uint>(nameof(Vector128.Equals)),
        Mnemonic.Pcmpeqq or Mnemonic.Vpcmpeqq => Portable<ulong>(nameof(Vector128.Equals)),
        Mnemonic.Pcmpgtb or Mnemonic.Vpcmpgtb => Portable<sbyte>(nameof(Vector128.GreaterThan)),
        Mnemonic.Pcmpgtw or Mnemonic.Vpcmpgtw => Portable<short>(nameof(Vector128.GreaterThan)),
        Mnemonic.Pcmpgtd or Mnemonic.Vpcmpgtd => Portable<int>(nameof(Vector128.GreaterThan)),
        Mnemonic.Pcmpgtq or Mnemonic.Vpcmpgtq => Portable<long>(nameof(Vector128.GreaterThan)),
        _ => default,
    };

    private static PackedOperation PackedLogicOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Pand or Mnemonic.Andps or Mnemonic.Andpd or Mnemonic.Vpand or Mnemonic.Vandps or Mnemonic.Vandpd =>
            Portable<byte>(nameof(Vector128.BitwiseAnd)),
        Mnemonic.Por or Mnemonic.Orps or Mnemonic.Orpd or Mnemonic.Vpor or Mnemonic.Vorps or Mnemonic.Vorpd =>
            Portable<byte>(nameof(Vector128.BitwiseOr)),
        Mnemonic.Pxor or Mnemonic.Xorps or Mnemonic.Xorpd or Mnemonic.Vpxor or Mnemonic.Vxorps or Mnemonic.Vxorpd =>
            Portable<byte>(nameof(Vector128.Xor)),
        Mnemonic.Pandn or Mnemonic.Andnps or Mnemonic.Andnpd or Mnemonic.Vpandn or Mnemonic.Vandnps or Mnemonic.Vandnpd =>
            Portable<byte>(nameof(Vector128.AndNot)) with { Swapped = true },
        _ => default,
    };

    private static PackedOperation Arithmetic<T>(string name) => new(typeof(PackedArithmetic), name, typeof(T));

    private static PackedOperation Horizontal<T>(string name) => new(typeof(PackedArithmetic), name, typeof(T), false, MmxShape.Concatenated);

    private static PackedOperation PackedProductOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Pmullw or Mnemonic.Vpmullw => Portable<short>(nameof(Vector128.Multiply)),
        Mnemonic.Pmulld or Mnemonic.Vpmulld => Portable<int>(nameof(Vector128.Multiply)),
        Mnemonic.Pmulhw or Mnemonic.Vpmulhw => Arithmetic<short>(nameof(PackedArithmetic.MultiplyHigh)),
        Mnemonic.Pmulhuw or Mnemonic.Vpmulhuw => Arithmetic<ushort>(nameof(PackedArithmetic.MultiplyHigh)),
        Mnemonic.Pmulhrsw or Mnemonic.Vpmulhrsw => Arithmetic<short>(nameof(PackedArithmetic.MultiplyRounded)),
        Mnemonic.Pmaddwd or Mnemonic.Vpmaddwd => Arithmetic<short>(nameof(PackedArithmetic.MultiplyAdd)),
        Mnemonic.Pmaddubsw or Mnemonic.Vpmaddubsw => Arithmetic<byte>(nameof(PackedArithmetic.MultiplyAddMixed)),
        Mnemonic.Pmuldq or Mnemonic.Vpmuldq => Arithmetic<int>(nameof(PackedArithmetic.MultiplyEven)),
        Mnemonic.Pmuludq or Mnemonic.Vpmuludq => Arithmetic<uint>(nameof(PackedArithmetic.MultiplyEven)),
        Mnemonic.Psadbw or Mnemonic.Vpsadbw => Arithmetic<byte>(nameof(PackedArithmetic.SumOfDifferences)),
        Mnemonic.Pavgb or Mnemonic.Vpavgb => Arithmetic<byte>(nameof(PackedArithmetic.Average)),
        Mnemonic.Pavgw or Mnemonic.Vpavgw => Arithmetic<ushort>(nameof(PackedArithmetic.Average)),
        Mnemonic.Psignb or Mnemonic.Vpsignb => Arithmetic<sbyte>(nameof(PackedArithmetic.Sign)),
        Mnemonic.Psignw or Mnemonic.Vpsignw => Arithmetic<short>(nameof(PackedArithmetic.Sign)),
        Mnemonic.Psignd or Mnemonic.Vpsignd => Arithmetic<int>(nameof(PackedArithmetic.Sign)),
        Mnemonic.Phaddw or Mnemonic.Vphaddw => Horizontal<short>(nameof(PackedArithmetic.HorizontalAdd)),
        Mnemonic.Phaddd or Mnemonic.Vphaddd => Horizontal<int>(nameof(PackedArithmetic.HorizontalAdd)),
        Mnemonic.Phaddsw or Mnemonic.Vphaddsw => Horizontal<short>(nameof(PackedArithmetic.HorizontalAddSaturate)),
        Mnemonic.Phsubw or Mnemonic.Vphsubw => Horizontal<short>(nameof(PackedArithmetic.HorizontalSubtract)),
        Mnemonic.Phsubd or Mnemonic.Vphsubd => Horizontal<int>(nameof(PackedArithmetic.HorizontalSubtract)),
        Mnemonic.Phsubsw or Mnemonic.Vphsubsw => Horizontal<short>(nameof(PackedArithmetic.HorizontalSubtractSaturate)),
        _ => default,
    };

    private static PackedOperation PackedUnaryOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Pabsb or Mnemonic.Vpabsb => Portable<sbyte>(nameof(Vector128.Abs)),
        Mnemonic.Pabsw or Mnemonic.Vpabsw => Portable<short>(nameof(Vector128.Abs)),
        Mnemonic.Pabsd or Mnemonic.Vpabsd => Portable<int>(nameof(Vector128.Abs)),
        Mnemonic.Phminposuw or Mnemonic.Vphminposuw => Arithmetic<ushort>(nameof(PackedArithmetic.MinimumPosition)),
        Mnemonic.Movsldup or Mnemonic.Vmovsldup => Shuffle<uint>(nameof(PackedShuffle.DuplicateEven)),
        Mnemonic.Movshdup or Mnemonic.Vmovshdup => Shuffle<uint>(nameof(PackedShuffle.DuplicateOdd)),
        _ => default,
    };

    /// <summary>Shifts of all elements by one count: an immediate, or the low 64 bits of a vector.</summary>
    private static (string Name, Type? Element) PackedShiftOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Psllw or Mnemonic.Vpsllw => (nameof(PackedShift.Left), typeof(ushort)),
        Mnemonic.Pslld or Mnemonic.Vpslld => (nameof(PackedShift.Left), typeof(uint)),
        Mnemonic.Psllq or Mnemonic.Vpsllq => (nameof(PackedShift.Left), typeof(ulong)),
        Mnemonic.Psrlw or Mnemonic.Vpsrlw => (nameof(PackedShift.Right), typeof(ushort)),
        Mnemonic.Psrld or Mnemonic.Vpsrld => (nameof(PackedShift.Right), typeof(uint)),
        Mnemonic.Psrlq or Mnemonic.Vpsrlq => (nameof(PackedShift.Right), typeof(ulong)),
        Mnemonic.Psraw or Mnemonic.Vpsraw => (nameof(PackedShift.RightSigned), typeof(short)),
        Mnemonic.Psrad or Mnemonic.Vpsrad => (nameof(PackedShift.RightSigned), typeof(int)),
        _ => ("", null),
    };

    private bool TryPackedShift()
    {
        if (PackedShiftOf(_i.Mnemonic) is (var name, { } element))
        {
            if (HasImmediate && !_o.IsSymbolic && HostShift(name, _o.Width(0), element) is { } host)
            {
                WriteVector(0, _b.Call(host, _o.Read(FirstSource), Control));
                return true;
            }

            Value count = HasImmediate ? FromScalar(_b.ZeroExtend(Control)) : ReadVector(_i.OpCount - 1);
            Value value = _o.Read(FirstSource);
            WriteVector(0, CallVector(typeof(PackedShift), name, _o.Width(0), element, value, count));
            return true;
        }

        (name, Type? each) = _i.Mnemonic switch
        {
            Mnemonic.Vpsllvd => (nameof(PackedShift.LeftEach), typeof(uint)),
            Mnemonic.Vpsllvq => (nameof(PackedShift.LeftEach), typeof(ulong)),
            Mnemonic.Vpsrlvd => (nameof(PackedShift.RightEach), typeof(uint)),
            Mnemonic.Vpsrlvq => (nameof(PackedShift.RightEach), typeof(ulong)),
            Mnemonic.Vpsravd => (nameof(PackedShift.RightSignedEach), typeof(int)),
            _ => ("", null),
        };
        if (each is null)
        {
            return false;
        }

        LiftTwoVectors(new PackedOperation(typeof(PackedShift), name, each));
        return true;
    }

    private bool HasImmediate => _i.GetOpKind(_i.OpCount - 1) == OpKind.Immediate8;

    /// <summary>PMOVSX and PMOVZX: the source is as wide as its elements need.</summary>
    private bool TryWiden()
    {
        (string name, int growth) = _i.Mnemonic switch
        {
            Mnemonic.Pmovsxbw or Mnemonic.Vpmovsxbw => (nameof(PackedWidth.SByteToInt16), 2),
            Mnemonic.Pmovsxbd or Mnemonic.Vpmovsxbd => (nameof(PackedWidth.SByteToInt32), 4),
            Mnemonic.Pmovsxbq or Mnemonic.Vpmovsxbq => (nameof(PackedWidth.SByteToInt64), 8),
            Mnemonic.Pmovsxwd or Mnemonic.Vpmovsxwd => (nameof(PackedWidth.Int16ToInt32), 2),
            Mnemonic.Pmovsxwq or Mnemonic.Vpmovsxwq => (nameof(PackedWidth.Int16ToInt64), 4),
            Mnemonic.Pmovsxdq or Mnemonic.Vpmovsxdq => (nameof(PackedWidth.Int32ToInt64), 2),
            Mnemonic.Pmovzxbw or Mnemonic.Vpmovzxbw => (nameof(PackedWidth.ByteToUInt16), 2),
            Mnemonic.Pmovzxbd or Mnemonic.Vpmovzxbd => (nameof(PackedWidth.ByteToUInt32), 4),
            Mnemonic.Pmovzxbq or Mnemonic.Vpmovzxbq => (nameof(PackedWidth.ByteToUInt64), 8),
            Mnemonic.Pmovzxwd or Mnemonic.Vpmovzxwd => (nameof(PackedWidth.UInt16ToUInt32), 2),
            Mnemonic.Pmovzxwq or Mnemonic.Vpmovzxwq => (nameof(PackedWidth.UInt16ToUInt64), 4),
            Mnemonic.Pmovzxdq or Mnemonic.Vpmovzxdq => (nameof(PackedWidth.UInt32ToUInt64), 2),
            _ => ("", 0),
        };
        if (growth == 0)
        {
            return false;
        }

        int width = _o.Width(0);
        int narrow = width / growth;
        Value source = _o.IsMemory(1) && narrow < 128 ? FromScalar(_o.Read(1, narrow)) : _o.Read(1, 128);
        WriteVector(0, _b.Call(Method(typeof(PackedWidth), width == 256 ? name + "Wide" : name), source));
        return true;
    }

    /// <summary>PTEST and VTESTP: ZF and CF from whole vectors, the other flags 0.</summary>
    private bool TryVectorTest()
    {
        long signs = 0;
        switch (_i.Mnemonic)
        {
            case Mnemonic.Ptest or Mnemonic.Vptest:
                break;
            case Mnemonic.Vtestps:
                signs = unchecked((long)0x8000000080000000);
                break;
            case Mnemonic.Vtestpd:
                signs = long.MinValue;
                break;
            default:
                return false;
        }

        int width = _o.Width(0);
        Value second = ReadVector(1);
        Value first = _o.Read(0);
        if (signs != 0)
        {
            // Only sign bits count: without the others in the second operand, neither test sees them in the first.
            second = CallVector(typeof(Vector128), nameof(Vector128.BitwiseAnd), width, typeof(ulong), second, Broadcast(_b.Constant(signs), 64, width));
        }

        Value any = CallVector(typeof(PackedSelect), nameof(PackedSelect.AnyBoth), width, typeof(ulong), first, second);
        Value covers = CallVector(typeof(PackedSelect), nameof(PackedSelect.Covers), width, typeof(ulong), first, second);
        _b.SetLogicFlags(any, 32);
        _b.SetFlagVariable(StatusFlags.Parity, _b.Constant(1));
        _b.SetFlagVariable(StatusFlags.Carry, covers);
        return true;
    }
}
