using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Which guest registers a region must load at its entries and store where it is left. A register is stored only
/// where some path from an entry wrote it, and loaded only where some path reads it, or stores it without having written it.
/// </summary>
/// <remarks>Most of a short region's time would otherwise go into moving registers that it does not touch.</remarks>
public sealed class RegisterFlow
{
    private readonly IReadOnlyList<RegionBlock> _blocks;
    private readonly RegionGraph _graph;
    private readonly ulong[] _dirtyIn;
    private readonly ulong[] _liveIn;
    private readonly ulong[] _reads;
    private readonly ulong[] _writes;
    private readonly ulong[] _replaces;
    private readonly bool[] _mayLeave;

    /// <summary>Analyses blocks whose IR and uses are final.</summary>
    public RegisterFlow(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, GuestRegisters registers)
    {
        _blocks = blocks;
        _graph = flow.Graph;
        _dirtyIn = new ulong[blocks.Count];
        _liveIn = new ulong[blocks.Count];
        _reads = new ulong[blocks.Count];
        _writes = new ulong[blocks.Count];
        _replaces = new ulong[blocks.Count];
        _mayLeave = new bool[blocks.Count];
        for (int i = 0; i < blocks.Count; i++)
        {
            FindEffects(i, registers);

            // Also where an instruction without a lift cuts it short, and where something is looked at on the way to the next block.
            _mayLeave[i] |= _graph.MayLeave(i) || _graph.SuccessorsOf(i).Any(next => flow.MayLeaveBetween(blocks[i].Address, blocks[next].Address));
        }

        FindDirty();
        FindLive();
    }

    /// <summary>Registers some path from an entry to the block's start wrote.</summary>
    public ulong DirtyAtStart(RegionBlock block) => _dirtyIn[_graph.IndexOf(block.Address)];

    /// <summary>Registers that must be in their locals at the block's start.</summary>
    public ulong LiveAtStart(RegionBlock block) => _liveIn[_graph.IndexOf(block.Address)];

    /// <summary>Whether the analysis reckons with the region being left from inside the block.</summary>
    public bool MayLeave(RegionBlock block) => _mayLeave[_graph.IndexOf(block.Address)];

    private void FindEffects(int index, GuestRegisters registers)
    {
        RegionBlock block = _blocks[index];
        _mayLeave[index] = block.IsLoopHead;
        for (int i = 0; i < block.Code.Length; i++)
        {
            if (block.Used[i] == 0)
            {
                continue;
            }

            ref readonly IrInstruction op = ref block.Code[i];
            registers.Effects(op, out ulong read, out ulong written, out ulong replaced);
            _reads[index] |= read & ~_replaces[index];
            _writes[index] |= written;
            _replaces[index] |= replaced;
            _mayLeave[index] |= op.Opcode is IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer or IrOpcode.RaiseIf or IrOpcode.Exit
                or IrOpcode.JumpIndirect or IrOpcode.Call or IrOpcode.ExitCall;
        }
    }

    private void FindDirty()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < _blocks.Count; i++)
            {
                ulong dirty = _dirtyIn[i] | _writes[i];
                foreach (int successor in _graph.SuccessorsOf(i))
                {
                    changed |= (dirty & ~_dirtyIn[successor]) != 0;
                    _dirtyIn[successor] |= dirty;
                }
            }
        }
    }

    private void FindLive()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = _blocks.Count - 1; i >= 0; i--)
            {
                ulong liveOut = 0;
                foreach (int successor in _graph.SuccessorsOf(i))
                {
                    liveOut |= _liveIn[successor];
                }

                // Where the region is left, what other paths wrote is stored too.
                ulong live = _reads[i] | (_mayLeave[i] ? _dirtyIn[i] : 0) | (liveOut & ~_replaces[i]);
                changed |= live != _liveIn[i];
                _liveIn[i] = live;
            }
        }
    }
}
