using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Masked moves and gathers: vector instructions that reach memory element by element.</summary>
public sealed partial class Lifter
{
    private bool TryVectorMemory()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Vmaskmovps or Mnemonic.Vpmaskmovd:
                LiftMaskedMove(false);
                return true;
            case Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovq:
                LiftMaskedMove(true);
                return true;
            case Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu:
                StoreMaskedBytes(_o.Read(2, 128), _o.Read(1, 128), 16);
                return true;
            case Mnemonic.Vpgatherdd or Mnemonic.Vgatherdps:
                LiftGather(nameof(GatherAccess.Dwords), 4, false);
                return true;
            case Mnemonic.Vpgatherqd or Mnemonic.Vgatherqps:
                LiftGather(nameof(GatherAccess.Dwords), 4, true);
                return true;
            case Mnemonic.Vpgatherdq or Mnemonic.Vgatherdpd:
                LiftGather(nameof(GatherAccess.Qwords), 8, false);
                return true;
            case Mnemonic.Vpgatherqq or Mnemonic.Vgatherqpd:
                LiftGather(nameof(GatherAccess.Qwords), 8, true);
                return true;
            default:
                return false;
        }
    }

    /// <summary>As moves of dwords, 128 bits at a time: a qword's mask is that of its upper half, for both.</summary>
    private void LiftMaskedMove(bool qwords)
    {
        bool stores = _o.IsMemory(0);
        int width = _o.Width(stores ? 2 : 0);
        Value mask = _o.Read(1, width);
        if (qwords)
        {
            mask = CallVector(typeof(PackedShuffle), nameof(PackedShuffle.DuplicateOdd), width, typeof(uint), mask);
        }

        Value lowMask = width == 256 ? Half(mask, nameof(Vector256.GetLower)) : mask;
        Value highMask = width == 256 ? Half(mask, nameof(Vector256.GetUpper)) : Value.None;
        Value highAddress = _b.Add(_o.Address(), _b.Constant(16));
        if (!stores)
        {
            Value low = CallMasked(nameof(MaskedAccess.Load), _o.Address(), lowMask);
            WriteVector(0, width == 256 ? Join(low, CallMasked(nameof(MaskedAccess.Load), highAddress, highMask)) : low);
            return;
        }

        Value value = _o.Read(2, width);
        if (width == 128)
        {
            CallMasked(nameof(MaskedAccess.Store), _o.Address(), lowMask, value);
            return;
        }

        CallMasked(nameof(MaskedAccess.CheckStore), _o.Address(), lowMask);
        CallMasked(nameof(MaskedAccess.CheckStore), highAddress, highMask);
        CallMasked(nameof(MaskedAccess.Store), _o.Address(), lowMask, Half(value, nameof(Vector256.GetLower)));
        CallMasked(nameof(MaskedAccess.Store), highAddress, highMask, Half(value, nameof(Vector256.GetUpper)));
    }

    /// <summary>MASKMOVDQU and MASKMOVQ, unlike the masked moves of AVX, need the whole operand writable, whatever the mask.</summary>
    private void StoreMaskedBytes(Value mask, Value value, int count)
    {
        Value target = _b.Pointer(_o.Address(), count, true);
        _b.Call(Method(typeof(MaskedAccess), nameof(MaskedAccess.StoreBytes)), target, mask, value, _b.Constant32(count));
    }

    private Value CallMasked(string name, Value address, params ReadOnlySpan<Value> vectors) =>
        _b.Call(Method(typeof(MaskedAccess), name), [_b.Cpu(), address, .. vectors]);

    private Value Half(Value vector, string name) => CallVector(typeof(Vector256), name, 256, typeof(byte), vector);

    private Value Join(Value low, Value high) => _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.Join)), low, high);

    private void LiftGather(string name, int elementBytes, bool wideIndex)
    {
        // As many elements as both the destination and the index register hold.
        int indexBytes = wideIndex ? 8 : 4;
        int count = Math.Min(_o.Width(0) / 8 / elementBytes, _i.MemoryIndex.GetSize() / indexBytes);
        _b.Call(
            Method(typeof(GatherAccess), name),
            _b.Cpu(),
            _o.RegisterOffset(0),
            _o.IndexOffset,
            _o.RegisterOffset(2),
            _o.BaseAddress,
            _o.IndexScale,
            _o.AddressMask,
            _o.SegmentBase,
            _b.Constant32(count | (wideIndex ? GatherAccess.WideIndex : 0)));
    }
}
