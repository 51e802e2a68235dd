using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>What the runtime asks of the translator. Called with the code cache's gate held.</summary>
public interface IBlockTranslator
{
    /// <summary>
    /// Predecodes the block at a location. Null when the first instruction cannot be fetched whole, or the cache is full: a machine guest's vCPU tries
    /// again with <see cref="CodeLocation.NextPage"/>.
    /// </summary>
    /// <remarks>Stops before an instruction that cannot be fetched whole; the block then falls through to it.</remarks>
    TranslationBlock? Translate(CodeCache cache, in CodeLocation location);

    /// <summary>Whether the bytes that the last translation, at <paramref name="location"/>, was made from are others now.</summary>
    bool HasChanged(CodeCache cache, in CodeLocation location);

    /// <summary>Whether the instruction at RIP accesses <paramref name="address"/> through the stack segment: a non-canonical one is #SS then, else #GP.</summary>
    unsafe bool IsStackAccess(GuestPages memory, CpuState* cpu, in CodeLocation location, ulong address);
}
