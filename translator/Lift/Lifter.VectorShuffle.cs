using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Packing, interleaving, permutation and blending.</summary>
public sealed partial class Lifter
{
    private bool TryVectorShuffle()
    {
        PackedOperation operation = PackedShuffleOf(_i.Mnemonic);
        if (operation.Owner is not null && !HasImmediate)
        {
            LiftTwoVectors(operation);
            return true;
        }

        operation = UnaryControlOf(_i.Mnemonic);
        if (operation.Owner is not null)
        {
            Value source = ReadVector(_i.OpCount - 2);
            WriteVector(0, CallControl(operation, source));
            return true;
        }

        operation = BinaryControlOf(_i.Mnemonic);
        if (operation.Owner is not null)
        {
            Value second = ReadVector(_i.OpCount - 2);
            Value first = _o.Read(FirstSource);
            WriteVector(0, CallControl(operation, first, second));
            return true;
        }

        return TryBlendBySign();
    }

    private static PackedOperation Shuffle<T>(string name, MmxShape shape = MmxShape.Elementwise) => new(typeof(PackedShuffle), name, typeof(T), false, shape);

    private static PackedOperation Pack<T>(string name) => new(typeof(PackedWidth), name, typeof(T), false, MmxShape.Concatenated);

    private static PackedOperation Blend<T>() => new(typeof(PackedSelect), nameof(PackedSelect.Blend), typeof(T));

    private static PackedOperation PackedShuffleOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Packsswb or Mnemonic.Vpacksswb => Pack<short>(nameof(PackedWidth.PackSigned)),
        Mnemonic.Packssdw or Mnemonic.Vpackssdw => Pack<int>(nameof(PackedWidth.PackSigned)),
        Mnemonic.Packuswb or Mnemonic.Vpackuswb => Pack<short>(nameof(PackedWidth.PackUnsigned)),
        Mnemonic.Packusdw or Mnemonic.Vpackusdw => Pack<int>(nameof(PackedWidth.PackUnsigned)),
        Mnemonic.Punpcklbw or Mnemonic.Vpunpcklbw => Shuffle<byte>(nameof(PackedShuffle.UnpackLow)),
        Mnemonic.Punpcklwd or Mnemonic.Vpunpcklwd => Shuffle<ushort>(nameof(PackedShuffle.UnpackLow)),
        Mnemonic.Punpckldq or Mnemonic.Vpunpckldq or Mnemonic.Unpcklps or Mnemonic.Vunpcklps => Shuffle<uint>(nameof(PackedShuffle.UnpackLow)),
        Mnemonic.Punpcklqdq or Mnemonic.Vpunpcklqdq or Mnemonic.Unpcklpd or Mnemonic.Vunpcklpd => Shuffle<ulong>(nameof(PackedShuffle.UnpackLow)),
        Mnemonic.Punpckhbw or Mnemonic.Vpunpckhbw => Shuffle<byte>(nameof(PackedShuffle.UnpackHigh), MmxShape.UpperHalf),
        Mnemonic.Punpckhwd or Mnemonic.Vpunpckhwd => Shuffle<ushort>(nameof(PackedShuffle.UnpackHigh), MmxShape.UpperHalf),
        Mnemonic.Punpckhdq or Mnemonic.Vpunpckhdq or Mnemonic.Unpckhps or Mnemonic.Vunpckhps =>
            Shuffle<uint>(nameof(PackedShuffle.UnpackHigh), MmxShape.UpperHalf),
        Mnemonic.Punpckhqdq or Mnemonic.Vpunpckhqdq or Mnemonic.Unpckhpd or Mnemonic.Vunpckhpd => Shuffle<ulong>(nameof(PackedShuffle.UnpackHigh)),
        Mnemonic.Pshufb or Mnemonic.Vpshufb => Shuffle<byte>(nameof(PackedShuffle.Bytes)),
        Mnemonic.Vpermilps => Shuffle<uint>(nameof(PackedShuffle.InLane)),
        Mnemonic.Vpermilpd => Shuffle<ulong>(nameof(PackedShuffle.InLane)),
        Mnemonic.Vpermd or Mnemonic.Vpermps => Shuffle<uint>(nameof(PackedShuffle.AcrossLanes)),
        _ => default,
    };

    /// <summary>One vector under an immediate.</summary>
    private static PackedOperation UnaryControlOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Pshufd or Mnemonic.Vpshufd or Mnemonic.Vpermilps => Shuffle<uint>(nameof(PackedShuffle.Dwords)),
        Mnemonic.Vpermilpd => Shuffle<ulong>(nameof(PackedShuffle.Qwords)),
        Mnemonic.Pshuflw or Mnemonic.Vpshuflw => Shuffle<byte>(nameof(PackedShuffle.LowWords)),
        Mnemonic.Pshufhw or Mnemonic.Vpshufhw => Shuffle<byte>(nameof(PackedShuffle.HighWords)),
        Mnemonic.Vpermq or Mnemonic.Vpermpd => Shuffle<ulong>(nameof(PackedShuffle.QwordsAcrossLanes)),
        Mnemonic.Pslldq or Mnemonic.Vpslldq => Shuffle<byte>(nameof(PackedShuffle.SlideUp)),
        Mnemonic.Psrldq or Mnemonic.Vpsrldq => Shuffle<byte>(nameof(PackedShuffle.SlideDown)),
        _ => default,
    };

    /// <summary>Two vectors under an immediate.</summary>
    private static PackedOperation BinaryControlOf(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Shufps or Mnemonic.Vshufps => Shuffle<uint>(nameof(PackedShuffle.TwoDwords)),
        Mnemonic.Shufpd or Mnemonic.Vshufpd => Shuffle<ulong>(nameof(PackedShuffle.TwoQwords)),
        Mnemonic.Palignr or Mnemonic.Vpalignr => Shuffle<byte>(nameof(PackedShuffle.Align)),
        Mnemonic.Vperm2f128 or Mnemonic.Vperm2i128 => Shuffle<byte>(nameof(PackedShuffle.Halves)),
        Mnemonic.Pblendw or Mnemonic.Vpblendw => Blend<ushort>(),
        Mnemonic.Blendps or Mnemonic.Vblendps or Mnemonic.Vpblendd => Blend<uint>(),
        Mnemonic.Blendpd or Mnemonic.Vblendpd => Blend<ulong>(),
        Mnemonic.Mpsadbw or Mnemonic.Vmpsadbw => Arithmetic<byte>(nameof(PackedArithmetic.SlidingDifferences)),
        _ => default,
    };

    /// <summary>BLENDV: the legacy forms take their mask from XMM0.</summary>
    private bool TryBlendBySign()
    {
        Type element;
        switch (_i.Mnemonic)
        {
            case Mnemonic.Pblendvb or Mnemonic.Vpblendvb:
                element = typeof(byte);
                break;
            case Mnemonic.Blendvps or Mnemonic.Vblendvps:
                element = typeof(uint);
                break;
            case Mnemonic.Blendvpd or Mnemonic.Vblendvpd:
                element = typeof(ulong);
                break;
            default:
                return false;
        }

        Value second = ReadVector(FirstSource + 1);
        Value first = _o.Read(FirstSource);
        Value mask = IsVex ? _o.Read(3) : _b.Get(CpuState.VectorOffset, 128);
        WriteVector(0, CallVector(typeof(PackedSelect), nameof(PackedSelect.BlendBySign), _o.Width(0), element, first, second, mask));
        return true;
    }
}
