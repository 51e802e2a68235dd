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
}
