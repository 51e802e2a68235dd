using System.Reflection.Emit;
using Jitvmm.Runtime.CodeCache;

namespace Jitvmm.Translator.Regions;

/// <summary>Compiled code of several blocks, with one entry for each block it may be entered at.</summary>
public sealed class Region
{
    internal Region(IReadOnlyList<RegionBlock> blocks, IReadOnlyList<TranslationBlock> dependencies, RegionAccess access, DynamicMethod method, nint code)
    {
        Access = access;
        Dependencies = [.. dependencies];
        Method = method;
        Code = code;
        AssumesPrivateMemory = blocks.Any(static block => block.AssumesPrivateMemory);
        KeepsNanOrder = blocks.Any(static block => block.Source.KeepsNanOrder);
        foreach (RegionBlock block in blocks)
        {
            Blocks.Add(block.Source);
            InstructionCount += block.Instructions.Length;
            GuestBytes += (int)(block.Next - block.Address);
            if (block.Entry >= 0)
            {
                Entries.Add((block.Source, block.Entry));
            }
        }

        foreach (RegionBlock block in blocks)
        {
            foreach (ulong target in block.ComputedTargets)
            {
                Jumps.Add((block.Source, blocks.First(other => other.Address == target).Source));
            }
        }
    }

    public List<TranslationBlock> Blocks { get; } = [];

    /// <summary>Blocks outside it whose code it relied on: it goes with them.</summary>
    public IReadOnlyList<TranslationBlock> Dependencies { get; }

    public List<(TranslationBlock Block, int Entry)> Entries { get; } = [];

    /// <summary>Ways that computed jumps and calls take inside it.</summary>
    public List<(TranslationBlock From, TranslationBlock To)> Jumps { get; } = [];

    public int InstructionCount { get; }

    /// <summary>Bytes of these instructions.</summary>
    public int GuestBytes { get; }

    /// <summary>Host address of the code: that of a tier-0 handler for the records of its entries.</summary>
    public nint Code { get; }

    /// <summary>How it reaches memory.</summary>
    public RegionAccess Access { get; }

    /// <summary>Times it was left for NaNs whose order it does not keep. Written with the cache's gate held.</summary>
    internal int NansMet { get; set; }

    /// <summary>Whether it keeps the order of NaNs in every operation: earlier code met many.</summary>
    public bool KeepsNanOrder { get; }

    /// <summary>It is right only while nobody but its vCPU writes to memory.</summary>
    public bool AssumesPrivateMemory { get; }

    /// <summary>Its counters; null unless they were asked for.</summary>
    public RegionCounters? Counters { get; init; }

    /// <summary>What lifting, emitting and RyuJIT took of the compiling thread's CPU time.</summary>
    public TimeSpan CompileTime { get; internal set; }

    /// <summary>Of that, writing IL.</summary>
    public TimeSpan EmitTime { get; init; }

    /// <summary>Of that, in RyuJIT.</summary>
    public TimeSpan JitTime { get; init; }

    /// <summary>Keeps the code alive.</summary>
    internal DynamicMethod Method { get; }
}
