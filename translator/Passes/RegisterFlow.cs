using Iced.Intel;
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
    private readonly Dictionary<ulong, int> _indexes = [];
    private readonly List<int>[] _successors;
    private readonly ulong[] _dirtyIn;
    private readonly ulong[] _liveIn;
    private readonly ulong[] _reads;
    private readonly ulong[] _writes;
    private readonly ulong[] _replaces;
    private readonly bool[] _mayLeave;

    /// <summary>Analyses blocks whose IR and uses are final.</summary>
    public RegisterFlow(IReadOnlyList<RegionBlock> blocks, GuestRegisters registers)
    {
        _blocks = blocks;
        _successors = new List<int>[blocks.Count];
        _dirtyIn = new ulong[blocks.Count];
        _liveIn = new ulong[blocks.Count];
        _reads = new ulong[blocks.Count];
        _writes = new ulong[blocks.Count];
        _replaces = new ulong[blocks.Count];
        _mayLeave = new bool[blocks.Count];
        for (int i = 0; i < blocks.Count; i++)
        {
            _indexes[blocks[i].Address] = i;
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            FindEffects(i, registers);
            FindSuccessors(i);
        }

        FindDirty();
        FindLive();
    }

    /// <summary>Registers some path from an entry to the block's start wrote.</summary>
    public ulong DirtyAtStart(RegionBlock block) => _dirtyIn[_indexes[block.Address]];

    /// <summary>Registers that must be in their locals at the block's start.</summary>
    public ulong LiveAtStart(RegionBlock block) => _liveIn[_indexes[block.Address]];

    /// <summary>Whether the analysis reckons with the region being left from inside the block.</summary>
    public bool MayLeave(RegionBlock block) => _mayLeave[_indexes[block.Address]];

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

    private void FindSuccessors(int index)
    {
        RegionBlock block = _blocks[index];
        List<int> successors = _successors[index] = [];
        foreach (ulong address in block.Successors)
        {
            if (_indexes.TryGetValue(address, out int successor))
            {
                successors.Add(successor);
            }
            else
            {
                _mayLeave[index] = true;
            }
        }

        // A block that is cut short by an instruction without a lift leaves there.
        _mayLeave[index] |= block.Successors.Count == 0;
        if (block.Instructions[^1].FlowControl == FlowControl.Return)
        {
            foreach (RegionBlock caller in _blocks)
            {
                if (caller.ReturnSite != 0 && _indexes.TryGetValue(caller.ReturnSite, out int site))
                {
                    successors.Add(site);
                }
            }
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
                foreach (int successor in _successors[i])
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
                foreach (int successor in _successors[i])
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
