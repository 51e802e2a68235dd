using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>AES, carry-less multiplication and SHA.</summary>
public sealed partial class Lifter
{
    private bool TryCrypto()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Aesenc or Mnemonic.Vaesenc:
                LiftCryptoPair(typeof(AesRound), nameof(AesRound.Encrypt), typeof(byte));
                return true;
            case Mnemonic.Aesenclast or Mnemonic.Vaesenclast:
                LiftCryptoPair(typeof(AesRound), nameof(AesRound.EncryptLast), typeof(byte));
                return true;
            case Mnemonic.Aesdec or Mnemonic.Vaesdec:
                LiftCryptoPair(typeof(AesRound), nameof(AesRound.Decrypt), typeof(byte));
                return true;
            case Mnemonic.Aesdeclast or Mnemonic.Vaesdeclast:
                LiftCryptoPair(typeof(AesRound), nameof(AesRound.DecryptLast), typeof(byte));
                return true;
            case Mnemonic.Aesimc or Mnemonic.Vaesimc:
                WriteVector(0, _b.Call(Method(typeof(AesRound), nameof(AesRound.InverseMixColumns)), ReadVector(1)));
                return true;
            case Mnemonic.Aeskeygenassist or Mnemonic.Vaeskeygenassist:
                WriteVector(0, _b.Call(Method(typeof(AesRound), nameof(AesRound.KeygenAssist)), ReadVector(1), _o.Immediate(2, 32)));
                return true;
            case Mnemonic.Pclmulqdq or Mnemonic.Vpclmulqdq:
                LiftCryptoPair(typeof(CarrylessProduct), nameof(CarrylessProduct.Multiply), typeof(ulong));
                return true;
            case Mnemonic.Sha1rnds4:
                LiftSha(nameof(ShaRounds.Sha1Rounds4), _o.Immediate(2, 32));
                return true;
            case Mnemonic.Sha1nexte:
                LiftSha(nameof(ShaRounds.Sha1NextE));
                return true;
            case Mnemonic.Sha1msg1:
                LiftSha(nameof(ShaRounds.Sha1Message1));
                return true;
            case Mnemonic.Sha1msg2:
                LiftSha(nameof(ShaRounds.Sha1Message2));
                return true;
            case Mnemonic.Sha256msg1:
                LiftSha(nameof(ShaRounds.Sha256Message1));
                return true;
            case Mnemonic.Sha256msg2:
                LiftSha(nameof(ShaRounds.Sha256Message2));
                return true;
            case Mnemonic.Sha256rnds2:
                LiftSha(nameof(ShaRounds.Sha256Rounds2), _b.Get(Operands.OffsetOf(Register.XMM0), 128));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Two sources of equal width, and the control byte where there is one.</summary>
    private void LiftCryptoPair(Type type, string name, Type element)
    {
        Value b = ReadVector(FirstSource + 1);
        Value a = ReadVector(FirstSource);
        Type vector = (a.Type == IrType.V256 ? typeof(Vector256<>) : typeof(Vector128<>)).MakeGenericType(element);
        int immediate = FirstSource + 2;
        WriteVector(0, immediate < _i.OpCount
            ? _b.Call(Overload(type, name, vector, vector, typeof(int)), a, b, _o.Immediate(immediate, 32))
            : _b.Call(Overload(type, name, vector, vector), a, b));
    }

    /// <summary>Unlike other SSE instructions' operands in memory, theirs need no alignment on this family of hosts.</summary>
    private void LiftSha(string name, params ReadOnlySpan<Value> third)
    {
        Value second = _o.Read(1, 128);
        WriteVector(0, _b.Call(Method(typeof(ShaRounds), name), [ReadVector(0), second, .. third]));
    }
}
