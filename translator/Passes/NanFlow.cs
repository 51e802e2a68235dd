using System.Reflection;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Which floating-point operations of a region may be given their operands in any order, as RyuJIT does with those that commute. Of two NaNs an instruction returns the first one's, so that is to be seen
/// only where both operands may be NaNs that differ.
/// </summary>
/// <remarks>
/// Operations make but one NaN themselves, and return that or an operand's. So nothing has to be looked at where all operands come from other operations. Others are looked at before the operation, or, in registers that
/// come into a loop, on the way into it; where there is a NaN, tier 0 executes the instruction. A region that met many is compiled again and keeps the order by selecting.
/// </remarks>
public sealed class NanFlow
{
    private readonly IReadOnlyList<RegionBlock> _blocks;
    private readonly RegionGraph _graph;
    private readonly NanState[] _start;
    private readonly NanState[] _end;

    /// <summary>What it pays to know at each block's start.</summary>
    private readonly NanState[] _wanted;
    private readonly bool[][] _looks;

    /// <summary>Analyses blocks whose IR is final and whose entries are numbered.</summary>
    /// <param name="blocks">Of one region.</param>
    /// <param name="graph">How control goes between them.</param>
    public NanFlow(IReadOnlyList<RegionBlock> blocks, RegionGraph graph)
    {
        _blocks = blocks;
        _graph = graph;
        IsNeeded = blocks.Any(static block => Array.Exists(block.Code, IsOrdered)) && !blocks.Any(static block => block.Source.KeepsNanOrder);
        _start = new NanState[blocks.Count];
        _end = new NanState[blocks.Count];
        _wanted = new NanState[blocks.Count];
        _looks = [.. blocks.Select(static block => new bool[block.Code.Length])];
        if (IsNeeded)
        {
            LoopNest loops = new(blocks, graph);
            FindKnown(loops);
            FindWanted();
            FindKnown(loops);
        }
    }

    /// <summary>Whether the region has such operations and does not keep their order.</summary>
    public bool IsNeeded { get; }

    /// <summary>Whether an operation returns the first operand's NaN, and has a form that does not.</summary>
    public static bool IsOrdered(IrInstruction op) => op.Opcode == IrOpcode.Call && NanTransfer.Of(op.Method!).InAnyOrder != null;

    /// <summary>Such an operation's other form.</summary>
    public static MethodInfo InAnyOrder(in IrInstruction op) => NanTransfer.Of(op.Method!).InAnyOrder!;

    /// <summary>Whether such an operation's operands must be looked at before it.</summary>
    public bool Looks(RegionBlock block, int index) => _looks[_graph.IndexOf(block.Address)][index];

    /// <summary>Registers to be looked at on the way from one block to another.</summary>
    internal NanState Unseen(ulong from, ulong to) => _start[_graph.IndexOf(to)] & ~_end[_graph.IndexOf(from)] & NanState.Floats;

    /// <summary>Masks that a block takes for known and the one before it does not leave so: nothing looks at these.</summary>
    internal NanState UnseenMasks(ulong from, ulong to) => _start[_graph.IndexOf(to)] & ~_end[_graph.IndexOf(from)] & ~NanState.Floats;

    /// <summary>The same of one where the region is entered.</summary>
    internal NanState UnseenMasksAtEntry(RegionBlock block) => _start[_graph.IndexOf(block.Address)] & ~NanState.Floats;

    /// <summary>Registers to be looked at where the region is entered.</summary>
    internal NanState UnseenAtEntry(RegionBlock block) => _start[_graph.IndexOf(block.Address)] & NanState.Floats;

    /// <summary>To the greatest fixed point. On the way into a loop and into the region may be looked at what is wanted there; what comes from elsewhere is known or not.</summary>
    private void FindKnown(LoopNest loops)
    {
        Array.Fill(_start, NanState.All);
        for (int i = 0; i < _blocks.Count; i++)
        {
            if (_blocks[i].Entry >= 0)
            {
                _start[i] &= _wanted[i];
            }
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < _blocks.Count; i++)
            {
                // What comes back from a hypercall page has been the interface's.
                NanState end = new Walk(this, i).Run(_start[i]);
                _end[i] = _blocks[i].PageCall == null ? end : default;
                foreach (int next in _graph.SuccessorsOf(i))
                {
                    NanState met = _start[next] & (loops.Enters(i, next) ? _end[i] | _wanted[next] : _end[i]);
                    changed |= met != _start[next];
                    _start[next] = met;
                }
            }
        }
    }

    private void FindWanted()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = _blocks.Count - 1; i >= 0; i--)
            {
                NanState behind = default;
                foreach (int next in _graph.SuccessorsOf(i))
                {
                    behind |= _wanted[next];
                }

                NanState wanted = new Walk(this, i).RunBack(_start[i], behind);
                changed |= wanted != _wanted[i];
                _wanted[i] = wanted;
            }
        }
    }

    /// <summary>One block, forwards or backwards.</summary>
    private readonly struct Walk
    {
        private readonly IrInstruction[] _code;
        private readonly bool[] _looks;
        private readonly NanFacts[] _facts;

        public Walk(NanFlow flow, int block)
        {
            _code = flow._blocks[block].Code;
            _looks = flow._looks[block];
            _facts = new NanFacts[_code.Length];
        }

        /// <summary>What is known behind the block.</summary>
        public NanState Run(NanState state)
        {
            int[] written = new int[16];
            Array.Fill(written, -1);
            for (int i = 0; i < _code.Length; i++)
            {
                ref readonly IrInstruction op = ref _code[i];
                bool isVector = op.Opcode is IrOpcode.Get or IrOpcode.Set && NanState.IsVector(op.State.Offset);
                if (isVector && op.Opcode == IrOpcode.Set)
                {
                    state = Write(state, op);
                    written[NanState.RegisterAt(op.State.Offset)] = i;
                }
                else if (isVector)
                {
                    _facts[i] = state.At(op.State.Offset, op.Width);
                }
                else if (op.Opcode == IrOpcode.Constant)
                {
                    _facts[i] = op.Immediate == 0 ? NanFacts.All : NanFacts.None;
                }
                else if (op.Opcode == IrOpcode.Call)
                {
                    if (IsOrdered(op))
                    {
                        Look(i, written, ref state);
                    }

                    _facts[i] = Result(op);
                }
            }

            return state;
        }

        /// <summary>What it pays to know before the block, where that is wanted behind it. Masks are known already.</summary>
        public NanState RunBack(NanState state, NanState wanted)
        {
            Run(state);
            NanFacts[] wantedOf = new NanFacts[_code.Length];
            for (int i = _code.Length - 1; i >= 0; i--)
            {
                ref readonly IrInstruction op = ref _code[i];
                bool isVector = op.Opcode is IrOpcode.Get or IrOpcode.Set && NanState.IsVector(op.State.Offset);
                if (isVector && op.Opcode == IrOpcode.Set)
                {
                    wantedOf[op.A] |= wanted.AnyAt(op.State.Offset, op.Width);
                    if (op.Width >= 128)
                    {
                        wanted &= ~NanState.Of(op.State.Offset, op.Width, NanFacts.All);
                    }
                }
                else if (isVector)
                {
                    wanted |= NanState.Of(op.State.Offset, op.Width, wantedOf[i]);
                }
                else if (op.Opcode == IrOpcode.Call)
                {
                    Ask(op, wantedOf[i], wantedOf);
                }
            }

            return wanted;
        }

        private NanState Write(NanState state, in IrInstruction op)
        {
            NanState place = NanState.Of(op.State.Offset, op.Width, NanFacts.All);
            NanState now = NanState.Of(op.State.Offset, op.Width, _facts[op.A]);

            // Of a part of a half, what was known of the rest counts, too.
            return op.Width >= 128 ? (state & ~place) | now : (state & ~place) | (state & now);
        }

        /// <summary>Before an operation both operands are known, or looked at. Of a fused one, those that are multiplied: the third one's NaN has its place.</summary>
        private void Look(int index, int[] written, ref NanState state)
        {
            ref readonly IrInstruction op = ref _code[index];
            NanTransfer transfer = NanTransfer.Of(op.Method!);
            int a = op.Arguments![0];
            int b = op.Arguments[1];
            _looks[index] = (_facts[a] & _facts[b] & transfer.Facts) == 0;
            if (!_looks[index])
            {
                return;
            }

            foreach (int operand in (ReadOnlySpan<int>)[a, b])
            {
                _facts[operand] |= transfer.Facts;
                ref readonly IrInstruction source = ref _code[operand];
                if (source.Opcode == IrOpcode.Get && NanState.IsVector(source.State.Offset) && written[NanState.RegisterAt(source.State.Offset)] < operand)
                {
                    state |= NanState.Of(source.State.Offset, source.Width, transfer.Facts);
                }
            }
        }

        private NanFacts Result(in IrInstruction op)
        {
            NanTransfer transfer = NanTransfer.Of(op.Method!);
            switch (transfer.Kind)
            {
                case NanTransfer.Rule.Give:
                    return transfer.Facts;
                case NanTransfer.Rule.Keep:
                    NanFacts all = transfer.Facts;
                    foreach (int argument in transfer.Data)
                    {
                        all &= _facts[op.Arguments![argument]];
                    }

                    return all;
                case NanTransfer.Rule.Select:
                    return Selected(_facts[op.Arguments![0]], _facts[op.Arguments[1]]) | Selected(_facts[op.Arguments[1]], _facts[op.Arguments[0]]);
                case NanTransfer.Rule.SelectNot:
                    return Selected(_facts[op.Arguments![0]], _facts[op.Arguments[1]]);
                case NanTransfer.Rule.Difference:
                    return IsSame(op.Arguments![0], op.Arguments[1]) ? NanFacts.All : _facts[op.Arguments[0]] & _facts[op.Arguments[1]] & NanFacts.Masks;
                default:
                    return NanFacts.None;
            }
        }

        /// <summary>Elements of a value where a mask has ones, and 0 elsewhere.</summary>
        private static NanFacts Selected(NanFacts value, NanFacts mask) =>
            ((mask & NanFacts.SingleMask) != 0 ? value & (NanFacts.Single | NanFacts.SingleMask) : 0) | ((mask & NanFacts.DoubleMask) != 0 ? value & (NanFacts.Double | NanFacts.DoubleMask) : 0);

        /// <summary>Whether two values are one register's, read without a write in between.</summary>
        private bool IsSame(int left, int right)
        {
            if (left == right)
            {
                return true;
            }

            ref readonly IrInstruction a = ref _code[left];
            ref readonly IrInstruction b = ref _code[right];
            if (a.Opcode != IrOpcode.Get || b.Opcode != IrOpcode.Get || a.State != b.State || a.Width != b.Width)
            {
                return false;
            }

            for (int i = Math.Min(left, right); i < Math.Max(left, right); i++)
            {
                if (_code[i].Opcode == IrOpcode.Set && NanState.IsVector(_code[i].State.Offset) && NanState.RegisterAt(_code[i].State.Offset) == NanState.RegisterAt(a.State.Offset))
                {
                    return false;
                }
            }

            return NanState.IsVector(a.State.Offset);
        }

        /// <summary>What it pays to know of an operation's arguments.</summary>
        private void Ask(in IrInstruction op, NanFacts wanted, NanFacts[] wantedOf)
        {
            NanTransfer transfer = NanTransfer.Of(op.Method!);
            wanted &= transfer.Facts & NanFacts.Floats;
            if (transfer.InAnyOrder != null)
            {
                wantedOf[op.Arguments![0]] |= transfer.Facts;
                wantedOf[op.Arguments[1]] |= transfer.Facts;
            }

            if (wanted == 0 || transfer.Kind is NanTransfer.Rule.Unknown or NanTransfer.Rule.Give or NanTransfer.Rule.Difference)
            {
                return;
            }

            foreach (int argument in transfer.Data)
            {
                bool isMask = transfer.Kind is NanTransfer.Rule.Select or NanTransfer.Rule.SelectNot && (_facts[op.Arguments![argument]] & NanFacts.Masks) != 0;
                bool isSelected = transfer.Kind is not (NanTransfer.Rule.Select or NanTransfer.Rule.SelectNot) || (_facts[op.Arguments![argument ^ 1]] & NanFacts.Masks) != 0;
                if (!isMask && isSelected)
                {
                    wantedOf[op.Arguments![argument]] |= wanted;
                }
            }
        }
    }
}
