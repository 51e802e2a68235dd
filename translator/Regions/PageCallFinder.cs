using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Regions;

/// <summary>Finds calls that go to the hypercall page most of the time. Where tier 0 went is the profile: the registry of sites has it.</summary>
internal sealed class PageCallFinder(CodeCache cache, ParavirtualInterface paravirtual, BlockDecoder decoder)
{
    private readonly Instruction[] _entry = new Instruction[BlockDecoder.MaxInstructions];

    /// <summary>Whether a block is the page's own, which is never worth compiling: it would only leave.</summary>
    public bool IsInPage(TranslationBlock block) => paravirtual.Sites.Page?.Owns(block.Location.Physical) == true;

    /// <summary>The call that a block of 64-bit code ends with; null when it is none, or a body cannot be had.</summary>
    public PageCall? Find(TranslationBlock block, ReadOnlySpan<Instruction> instructions)
    {
        ref readonly Instruction call = ref instructions[^1];
        if (call.Code is not (Code.Call_rm64 or Code.Call_rel32_64) || paravirtual.Sites.Entry is not { } entry)
        {
            return null;
        }

        ulong lastByte = block.Location.Physical + (call.NextIP - 1 - block.Address);
        if (paravirtual.Sites.CallAt(lastByte) is not { } site || 2 * paravirtual.Sites.TimesTaken(site.Index) < block.Executions)
        {
            return null;
        }

        // An entry of a number's own sets it; what the caller had in the register is gone.
        int entryLength = paravirtual.Sites.Page!.EntryLength;
        ulong? fixedNumber = entryLength != 0
            ? null
            : HypercallNumber.Before(instructions, instructions.Length - 1, paravirtual.Sites.NumberRegister) & paravirtual.Sites.NumberMask;
        ulong? number = fixedNumber ?? site.Number;
        CodeLocation? location = entryLength == 0 ? new CodeLocation(entry.Address, entry.Physical, block.Location.Mode) : EntryOf(number, entry, block.Location.Mode);
        if (location is not { } known || (call.Code != Code.Call_rm64 && call.NearBranchTarget != known.Address))
        {
            return null;
        }

        return paravirtual.PageBodyOf(number) is { } body && cache.Find(known) is { } target && OnlyCallsAndReturns(target, entryLength == 0 ? null : number)
            ? new PageCall(site.Index, body, target, fixedNumber == null && entryLength == 0 ? number : null)
            : null;
    }

    /// <summary>Where a number's entry is, in the page that another one was last found in.</summary>
    private CodeLocation? EntryOf(ulong? number, HypercallEntry found, CodeMode mode)
    {
        const ulong OffsetMask = GuestPages.PageSize - 1;
        uint length = (uint)paravirtual.Sites.Page!.EntryLength;
        return number is { } known && known < GuestPages.PageSize / length
            ? new CodeLocation((found.Address & ~OffsetMask) + (known * length), (found.Physical & ~OffsetMask) + (known * length), mode)
            : null;
    }

    /// <summary>Whether that is all there is; and that it is the page's: where that was before, the guest may have the same code of its own.</summary>
    /// <param name="target">The block.</param>
    /// <param name="number">What it sets before it calls; null for nothing.</param>
    private bool OnlyCallsAndReturns(TranslationBlock target, ulong? number)
    {
        lock (cache.Memory.Gate)
        {
            int calls = number == null ? 0 : 1;
            return !target.IsStale && IsInPage(target) && decoder.DecodePage((PhysicalMemory)cache.Memory, target.Location, _entry, out _) == calls + 2
                && (number == null || HypercallNumber.Before(_entry, calls, paravirtual.Sites.NumberRegister) == number)
                && Lifter.IsHypercall(_entry[calls].Code) && _entry[calls + 1].Code == Code.Retnq;
        }
    }
}
