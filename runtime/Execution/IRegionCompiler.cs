using Jitvmm.Runtime.CodeCache;

namespace Jitvmm.Runtime.Execution;

/// <summary>Tier 1 as the vCPU loop sees it.</summary>
public interface IRegionCompiler
{
    /// <summary>A block reached its threshold. Any vCPU thread; must not block on compilation unless configured to.</summary>
    void BlockIsHot(TranslationBlock block);
}
