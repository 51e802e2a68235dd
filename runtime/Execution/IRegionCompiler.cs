using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Execution;

/// <summary>Tier 1 as the vCPU loop sees it.</summary>
public interface IRegionCompiler
{
    /// <summary>A block reached its threshold. Any vCPU thread; must not block on compilation unless configured to.</summary>
    /// <param name="block">Which.</param>
    /// <param name="map">Where the machine guest's vCPU has code now; null for a process guest.</param>
    void BlockIsHot(TranslationBlock block, CodeMap? map);

    /// <summary>Compiled code was left because an operation's operands had NaNs. Any vCPU thread.</summary>
    /// <param name="entry">The record at which that code was entered.</param>
    unsafe void MetNan(TbOp* entry);
}
