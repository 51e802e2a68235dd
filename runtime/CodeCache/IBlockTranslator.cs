using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>What the runtime asks of the translator. Called with the code cache's gate held.</summary>
public interface IBlockTranslator
{
    /// <summary>Predecodes the block at an address. Null when the first byte cannot be fetched.</summary>
    /// <remarks>Stops before an instruction that cannot be fetched whole; the block then falls through to it.</remarks>
    TranslationBlock? Translate(CodeCache cache, AddressSpace memory, ulong address);
}
