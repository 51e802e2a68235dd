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
        bool mayLeadThere = call.Code == Code.Call_rm64 || call.NearBranchTarget == entry.Address;
        if (!mayLeadThere || paravirtual.Sites.CallAt(lastByte) is not { } site || 2 * paravirtual.Sites.TimesTaken(site.Index) < block.Executions)
        {
            return null;
        }

        ulong? fixedNumber = HypercallNumber.Before(instructions, instructions.Length - 1, paravirtual.Sites.NumberRegister) & paravirtual.Sites.NumberMask;
        ulong? number = fixedNumber ?? site.Number;
        return paravirtual.PageBodyOf(number) is { } body && cache.Find(new CodeLocation(entry.Address, entry.Physical, block.Location.Mode)) is { } target && OnlyCallsAndReturns(target)
            ? new PageCall(site.Index, body, target, fixedNumber == null ? number : null)
            : null;
    }

    /// <summary>Whether that is all there is; and that it is the page's: where that was before, the guest may have the same code of its own.</summary>
    private bool OnlyCallsAndReturns(TranslationBlock target)
    {
        lock (cache.Memory.Gate)
        {
            return !target.IsStale && IsInPage(target) && decoder.DecodePage((PhysicalMemory)cache.Memory, target.Location, _entry, out _) == 2
                && Lifter.IsHypercall(_entry[0].Code) && _entry[1].Code == Code.Retnq;
        }
    }
}
