using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>What the status flags come from at the start of each block, as far as it is the same on every path (see <see cref="DeferredFlags"/>).</summary>
/// <remarks>A way out of the region that knows it computes them in line.</remarks>
public sealed class DeferredFlow
{
    /// <summary>Another code on another path.</summary>
    public const int Unknown = -1;

    private const int Unreached = -2;

    private readonly Dictionary<ulong, int> _codes = [];

    /// <summary>Analyses blocks whose IR, uses and entries are final.</summary>
    public DeferredFlow(IReadOnlyList<RegionBlock> blocks, RegionGraph graph)
    {
        int[] codes = new int[blocks.Count];
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = blocks[i].Entry >= 0 ? (int)FlagOperation.None : Unreached;
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < codes.Length; i++)
            {
                int behind = Behind(blocks[i], codes[i]);
                foreach (int successor in graph.SuccessorsOf(i))
                {
                    int met = Meet(codes[successor], behind);
                    changed |= met != codes[successor];
                    codes[successor] = met;
                }
            }
        }

        for (int i = 0; i < codes.Length; i++)
        {
            _codes.Add(blocks[i].Address, codes[i] == Unreached ? Unknown : codes[i]);
        }
    }

    /// <summary>A code of <see cref="DeferredFlags.CodeOf"/>, 0 if the flags are in their variables, or <see cref="Unknown"/>.</summary>
    public int AtStart(RegionBlock block) => _codes[block.Address];

    /// <summary>The code behind an operation that is used, where <paramref name="code"/> was before it.</summary>
    public static int Behind(in IrInstruction op, ReadOnlySpan<IrInstruction> block, int code) => op.Opcode switch
    {
        IrOpcode.DeferFlags => block[op.C].Opcode == IrOpcode.Constant ? (int)op.Immediate : Unknown,
        IrOpcode.Set when DeadCode.FlagOf(op.State) != StatusFlags.None => (int)FlagOperation.None,
        _ => code,
    };

    private static int Behind(RegionBlock block, int code)
    {
        for (int i = 0; i < block.Code.Length; i++)
        {
            if (block.Used[i] > 0)
            {
                code = Behind(block.Code[i], block.Code, code);
            }
        }

        return code;
    }

    private static int Meet(int left, int right) => left == right || right == Unreached ? left : left == Unreached ? right : Unknown;
}
