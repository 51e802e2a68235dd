using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <summary>
/// Emits the IL of a region as one method.
/// </summary>
/// <remarks>
/// <code>
///   the safepoint; switch (record.Next), the number of the entry
///   one stub per entry: load the registers it needs, go to its block
///   blocks, in guest address order; branches inside the region are plain IL branches
///   cold: one stub per guest instruction that may have to leave (rip = it, code = Interpret)
///   leave: store the registers that were written, RIP; jump to the next block, or return code. One per set of registers, longer ones
///   leading to shorter ones
/// </code>
/// Nothing calls and comes back on a slow path: a check that fails leaves the region, tier 0 executes that one
/// instruction, and the region is entered again at its next entry. A rejoining call would make RyuJIT keep
/// every register in memory around it. Exits share epilogues, so the exits of a large region cost little
/// code, and the evaluation stack is empty at every join.
/// </remarks>
public sealed partial class RegionEmitter
{
    private const int CpuArgument = 0;
    private const int RecordArgument = 1;
    private const int MemoryArgument = 2;

    /// <summary>How far an access may be from an address in the window without a comparison of its own: half the guard.</summary>
    private const long MaxDistance = (long)AddressSpace.GuardSize / 2;

    /// <summary>Below this, no program has anything mapped: a base that is negative faults with such a displacement.</summary>
    private const long MaxFieldOffset = 0x8000;

    /// <summary>Bytes of IL that there is room for at first.</summary>
    private const int FirstBytes = 4096;

    private readonly IReadOnlyList<RegionBlock> _blocks;
    private readonly RegionAccess _access;
    private readonly HandlerSet _handlers;
    private readonly IlWriter _il;
    private readonly GuestRegisters _registers;
    private readonly Dictionary<ulong, Label> _labels = [];
    private readonly Dictionary<(ulong Rip, ulong Dirty, int FlagCode, PendingFlags? Pending, RegionEvent Reason), Label> _interpretExits = [];
    private readonly List<(Label Label, ulong Rip, BlockExit Code, Label Leave, PendingFlags? Pending, RegionEvent Reason)> _coldExits = [];
    private readonly RegisterFlow _flow;

    /// <summary>What the region counts; null for nothing.</summary>
    private readonly RegionCounters? _counters;

    /// <summary>
    /// Counts of blocks that branch to themselves, which are brought to their counters where the region is left: such a loop would wait for memory in each iteration.
    /// </summary>
    private readonly Dictionary<ulong, (LocalBuilder Local, nint Counter)> _loopCounts = [];
    private readonly PageFlow _pageFlow;
    private readonly NanFlow _nans;

    /// <summary>Ways to blocks that are taken by a conditional branch, and what must be seen on them.</summary>
    private readonly List<Crossing> _crossings = [];

    /// <summary>Where exits go that must store these registers, what the flags come from there, and whether they go on at RIP, whatever is there.</summary>
    private readonly Dictionary<(ulong Dirty, int FlagCode, bool IsLookup), Label> _leaves = [];

    /// <summary>Registers written since an entry, on some path.</summary>
    private ulong _dirty;

    /// <summary>What the status flags come from, where they are not in their variables; null if they always are.</summary>
    private readonly DeferredFlagLocals? _deferred;
    private readonly DeferredFlow? _deferredFlow;

    /// <summary>The code of what they come from here, if it is known.</summary>
    private int _flagCode;

    /// <summary>What they come from, if only ways out of this block want to know.</summary>
    private PendingFlags? _pendingFlags;
    private readonly RegionGraph _graph;
    private readonly LocalBuilder _rip;
    private readonly LocalBuilder _code;
    private readonly LocalBuilder _pages;
    private readonly HashSet<AccessGroup> _checkedGroups = [];
    private readonly HashSet<(long Page, bool Write)> _checkedPages = [];

    /// <summary>TLB entries that were found to match, by address and whether for writing, and for how many bytes.</summary>
    private readonly Dictionary<(int Address, bool Write), (LocalBuilder Entry, int Bytes)> _probed = [];

    /// <summary>Roots of which an address was found in the window, and its distance from the root.</summary>
    private readonly Dictionary<int, long> _windowDistances = [];

    /// <summary>How many accesses of the block have addresses at distances from a root; and, once one was made, its host address and distance.</summary>
    private readonly Dictionary<int, int> _accessesOf = [];
    private readonly Dictionary<int, (LocalBuilder Local, long Distance)> _hostAddresses = [];

    /// <summary>Of a root, an address that was seen to be aligned: to this mask plus 1, at this distance.</summary>
    private readonly Dictionary<int, (long Mask, long Distance)> _aligned = [];
    private RegionBlock _block;
    private LocalBuilder?[] _values = [];
    private bool[] _inlined = [];
    private AddressRoots _roots = new([]);
    private AccessGroups? _accessGroups;
    private bool _ended;
    private bool _endsWithSystemCall;

    private RegionEmitter(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, RegionAccess access, HandlerSet handlers, RegionCounters? counters, IlWriter il)
    {
        _counters = counters;
        _handlers = handlers;
        _blocks = blocks;
        _block = blocks[0];
        _access = access;
        _il = il;
        _registers = new GuestRegisters(_il, blocks.Select(block => ((ReadOnlyMemory<IrInstruction>)block.Code, block.Used)));
        _rip = _il.NewLocal(typeof(ulong), "rip");
        _code = _il.NewLocal(typeof(int), "exit");
        _pages = _il.NewLocal(typeof(ulong), "pages");
        _deferred = blocks.Any(DeferredFlagLocals.AreNeeded) ? new DeferredFlagLocals(_il) : null;
        _deferredFlow = _deferred == null ? null : new DeferredFlow(blocks, flow.Graph);
        _graph = flow.Graph;
        _pageFlow = flow.Pages;
        _nans = flow.Nans;
        _flow = new RegisterFlow(blocks, flow, _registers);
        foreach (RegionBlock block in counters == null ? [] : blocks.Where(static block => block.Successors.Contains(block.Address)))
        {
            _loopCounts.Add(block.Address, (_il.NewLocal(typeof(ulong), "times"), counters!.Add(RegionEvent.Block, block.Address)));
        }
    }

    /// <summary>What a region's method takes: the CPU state, the record it goes on from, and the guest's memory. It returns a <see cref="BlockExit"/>.</summary>
    public static Type[] Signature => [typeof(long), typeof(long), typeof(long)];

    /// <summary>Compiles a region whose blocks have IR and flag liveness.</summary>
    /// <param name="blocks">In guest address order.</param>
    /// <param name="flow">What is known of them.</param>
    /// <param name="access">How it reaches memory. Unless direct, faults leave with exact state.</param>
    /// <param name="dependencies">Blocks outside the region whose code it relies on.</param>
    /// <param name="handlers">What goes on where a region leaves to tier 0.</param>
    /// <param name="counters">Receives counters that the code increments; null for none.</param>
    public static Region Compile(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, RegionAccess access, IReadOnlyList<TranslationBlock> dependencies, HandlerSet handlers, RegionCounters? counters = null)
    {
        TimeSpan start = ThreadTime.Now;
        DynamicMethod method = Emit(blocks, flow, access, handlers, counters);
        TimeSpan emitted = ThreadTime.Now;
        return new Region(blocks, dependencies, access, method, Prepare(method))
        {
            Counters = counters,
            EmitTime = emitted - start,
            JitTime = ThreadTime.Now - emitted,
        };
    }

    /// <summary>The first half of <see cref="Compile"/>: a method with its IL, which RyuJIT has not seen.</summary>
    public static DynamicMethod Emit(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, RegionAccess access, HandlerSet handlers, RegionCounters? counters = null)
    {
        DynamicMethod method = NewMethod(blocks[0].Address);
        new RegionEmitter(blocks, flow, access, handlers, counters, new IlWriter(method.GetILGenerator(FirstBytes))).EmitAll();
        return method;
    }

    /// <summary>Writes what <see cref="Emit"/> gives to RyuJIT, but for counters, into a static method of <see cref="Signature"/> that is kept in a file.</summary>
    /// <param name="il">The method's.</param>
    /// <param name="blocks">In guest address order.</param>
    /// <param name="flow">What is known of them.</param>
    /// <param name="access">How it reaches memory.</param>
    /// <param name="handlers">What goes on where it leaves to tier 0.</param>
    /// <returns>The IL as text, by guest instruction.</returns>
    public static IlListing EmitInto(ILGenerator il, IReadOnlyList<RegionBlock> blocks, RegionFlow flow, RegionAccess access, HandlerSet handlers)
    {
        IlListing listing = new();
        new RegionEmitter(blocks, flow, access, handlers, null, new IlWriter(il) { Listing = listing, NamesLocals = true }).EmitAll();
        return listing;
    }

    /// <summary>The second half: has RyuJIT compile the method.</summary>
    /// <returns>Its code.</returns>
    public static nint Prepare(DynamicMethod method)
    {
        RuntimeMethodHandle handle = GetMethodDescriptor(method);
        RuntimeHelpers.PrepareMethod(handle);
        return handle.GetFunctionPointer();
    }

    /// <summary>The IL that <see cref="Compile"/> gives to RyuJIT, without having it compiled.</summary>
    public static IlListing List(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, RegionAccess access, HandlerSet handlers)
    {
        IlListing listing = new();
        new RegionEmitter(blocks, flow, access, handlers, null, new IlWriter(NewMethod(blocks[0].Address).GetILGenerator(FirstBytes)) { Listing = listing }).EmitAll();
        return listing;
    }

    private static DynamicMethod NewMethod(ulong head) =>
        new($"region_{head:x}", typeof(int), Signature, typeof(RegionEmitter).Module, true) { InitLocals = false };

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "GetMethodDescriptor")]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);

    private void EmitAll()
    {
        foreach (RegionBlock block in _blocks)
        {
            _labels[block.Address] = _il.NewLabel();
        }

        EmitEntries();
        foreach (RegionBlock block in _blocks)
        {
            EmitBlock(block);
        }

        _il.BeginGuest(0);
        EmitCrossings();
        foreach ((Label label, ulong rip, BlockExit code, Label leave, PendingFlags? pending, RegionEvent reason) in _coldExits)
        {
            _il.BeginGuest(rip);
            _il.Mark(label);
            Count(reason, rip);
            if (pending != null)
            {
                _deferred!.Keep(pending);
            }

            SetExit(rip, code);
            _il.Branch(leave);
        }

        _il.BeginGuest(0);
        EmitLeaves();
    }

    private void Count(RegionEvent what, ulong address)
    {
        if (_counters == null)
        {
            return;
        }

        if (what != RegionEvent.Block || !_loopCounts.TryGetValue(address, out (LocalBuilder Local, nint Counter) count))
        {
            _il.Increment(_counters.Add(what, address));
            return;
        }

        _il.LoadLocal(count.Local, IrType.I64);
        _il.Constant(1, IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.StoreLocal(count.Local, IrType.I64);
    }

    /// <summary>The way out from here. The registers stored there were loaded only if the analysis foresaw it.</summary>
    private Label LeaveHere(BlockExit code, bool isFlagless = false)
    {
        if (!_flow.MayLeave(_block))
        {
            throw new InvalidOperationException($"the region is left unexpectedly from {_block.Address:x}");
        }

        // Others are rare, and need not know.
        bool isLookup = code == BlockExit.Lookup;
        int flagCode = !isLookup ? DeferredFlow.Unknown : isFlagless ? (int)FlagOperation.None : _flagCode;
        if (!_leaves.TryGetValue((_dirty, flagCode, isLookup), out Label label))
        {
            _leaves[(_dirty, flagCode, isLookup)] = label = _il.NewLabel();
        }

        return label;
    }

    private void EmitBlock(RegionBlock block)
    {
        _block = block;
        _ended = false;
        _dirty = _flow.DirtyAtStart(block);
        _pendingFlags = null;
        _flagCode = _deferred == null ? 0 : _deferredFlow!.AtStart(block);
        _values = new LocalBuilder?[block.Code.Length];
        _inlined = Inlining.Plan(block.Code, block.Used, LookedAt(block));
        _il.BeginGuest(block.Address);
        _il.Mark(_labels[block.Address]);
        _checkedGroups.Clear();
        _checkedPages.Clear();
        _probed.Clear();
        _windowDistances.Clear();
        _roots = new AddressRoots(block.Code);
        CountAccesses(block);
        _accessGroups = _access == RegionAccess.Paged ? null : new AccessGroups(block, _roots);
        if (block.IsLoopHead)
        {
            // The safepoint: one load and test per iteration.
            _registers.PushStateAddress(CpuState.ExitRequestOffset);
            _il.LoadIndirect(32, true);
            _il.BranchOn(OpCodes.Brtrue, ColdExit(block.Address, BlockExit.Interrupted, RegionEvent.Safepoint));
        }

        Count(RegionEvent.Block, block.Address);

        int interpreted = FirstInterpreted(block);
        for (int i = 0; i < block.Code.Length && !_ended; i++)
        {
            if (block.Code[i].Guest == interpreted)
            {
                LeaveTo(GuestAddress(i), BlockExit.Interpret);
            }
            else if (block.Used[i] > 0 && !_inlined[i])
            {
                _il.BeginGuest(GuestAddress(i));
                EmitOperation(i);
                _flagCode = DeferredFlow.Behind(block.Code[i], block.Code, _flagCode);
            }
        }

        if (!_ended)
        {
            GoTo(block.Next);
        }
    }

    /// <summary>The first instruction that is left to tier 0, as a whole: it must not have written anything before. −1 when there is none.</summary>
    private int FirstInterpreted(RegionBlock block)
    {
        for (int i = 0; i < block.Code.Length; i++)
        {
            if (block.Used[i] > 0 && TierZero.Executes(block.Code[i], _access == RegionAccess.Paged))
            {
                return block.Code[i].Guest;
            }
        }

        return -1;
    }

    private ulong GuestAddress(int index) => _block.Instructions[_block.Code[index].Guest].IP;

    private void EmitOperation(int index)
    {
        IrInstruction op = _block.Code[index];
        switch (op.Opcode)
        {
            case IrOpcode.Set:
                EmitSet(op);
                break;
            case IrOpcode.DeferFlags:
                DeferFlags(index);
                break;
            case IrOpcode.Store:
                CheckAddress(index, op.Width / 8, true, _access != RegionAccess.Direct, InterpretExit(index));
                PushHostAddress(op.A, true);
                _il.ToPointer();
                Push(op.B);
                _il.StoreIndirect(op.Width, true);
                break;
            case IrOpcode.RaiseIf:
                if (!IsKnownAligned(op.A))
                {
                    BranchIf(op.A, InterpretExit(index));
                }

                break;
            case IrOpcode.Jump:
                GoTo((ulong)_block.Code[op.A].Immediate);
                _ended = true;
                break;
            case IrOpcode.Branch:
                EmitBranch(op);
                break;
            case IrOpcode.JumpIndirect:
                EmitIndirect(op, index);
                break;
            case IrOpcode.Exit:
                EmitExit(op, index);
                break;
            case IrOpcode.ExitCall:
                // It may fault, and needs a record to say where: tier 0 has one.
                throw new InvalidOperationException($"{op.Method!.Name} is tier 0's");
            case IrOpcode.Call when op.Type == IrType.None:
                EmitCallout(op, index);
                break;
            default:
                LookForNans(index);
                EmitValue(index);
                Keep(index);
                break;
        }
    }

    private void Keep(int index)
    {
        IrType type = _block.Code[index].Type;
        LocalBuilder local = _il.NewLocal(IlTypes.Of(type), "value");
        _values[index] = local;
        _il.StoreLocal(local, type);
    }

    private void EmitSet(IrInstruction op)
    {
        if (GuestRegisters.IndexOf(op.State.Offset) >= 0)
        {
            _registers.Set(op.State.Offset, op.Width, () => Push(op.A));
            _dirty |= GuestRegisters.SetOf(op.State.Offset);
            if (DeadCode.FlagOf(op.State) != StatusFlags.None)
            {
                _deferred?.Forget();
                _pendingFlags = null;
            }

            return;
        }

        _registers.PushStateAddress(op.State.Offset);
        _il.ToPointer();
        Push(op.A);
        _il.StoreIndirect(op.Width, false);
    }

    private void EmitExit(in IrInstruction op, int index)
    {
        if ((BlockExit)op.Immediate != BlockExit.SystemCall)
        {
            LeaveTo(GuestAddress(index), BlockExit.Interpret);
            return;
        }

        Count(RegionEvent.SystemCall, GuestAddress(index));
        Push(op.A);
        _il.StoreLocal(_rip, IrType.I64);
        SetCode(BlockExit.SystemCall);
        KeepPendingFlags();
        _endsWithSystemCall = true;
        _il.Branch(LeaveHere(BlockExit.SystemCall));
        _ended = true;
    }

    /// <summary>Leaves an instruction to tier 0.</summary>
    private void LeaveTo(ulong rip, BlockExit code)
    {
        Count(RegionEvent.TierZero, rip);
        SetExit(rip, code);
        KeepPendingFlags();
        _il.Branch(LeaveHere(code));
        _ended = true;
    }

    private void EmitBranch(in IrInstruction op)
    {
        ulong taken = (ulong)_block.Code[op.B].Immediate;
        ulong otherwise = (ulong)_block.Code[op.C].Immediate;
        BranchIf(op.A, Target(taken));
        GoTo(otherwise);
        _ended = true;
    }

    /// <summary>Continues at a guest address: inside the region, or out of it.</summary>
    private void GoTo(ulong target)
    {
        if (CrossingTo(target) is { } crossing)
        {
            EmitCrossing(crossing);
        }
        else
        {
            _il.Branch(Target(target));
        }
    }

    /// <summary>Label that does the same.</summary>
    private Label Target(ulong target)
    {
        if (!_labels.TryGetValue(target, out Label inside))
        {
            return ColdExit(target, BlockExit.Lookup, RegionEvent.Branch);
        }

        if (CrossingTo(target) is not { } crossing)
        {
            return inside;
        }

        _crossings.Add(crossing);
        return crossing.Label;
    }

    private Label InterpretExit(int index)
    {
        ulong rip = GuestAddress(index);
        RegionEvent reason = _counters != null && _block.Code[index].Opcode is (IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer) ? RegionEvent.Access : RegionEvent.Operand;
        if (!_interpretExits.TryGetValue((rip, _dirty, _flagCode, _pendingFlags, reason), out Label label))
        {
            label = ColdExit(rip, BlockExit.Interpret, reason);
            _interpretExits[(rip, _dirty, _flagCode, _pendingFlags, reason)] = label;
        }

        return label;
    }

    private Label ColdExit(ulong rip, BlockExit code, RegionEvent reason)
    {
        Label label = _il.NewLabel();
        bool isFlagless = code == BlockExit.Lookup && _block.FlaglessExits.Contains(rip);
        _coldExits.Add((label, rip, code, LeaveHere(code, isFlagless), isFlagless ? null : _pendingFlags, reason));
        return label;
    }

    private void SetExit(ulong rip, BlockExit code)
    {
        _il.Constant((long)rip, IrType.I64);
        _il.StoreLocal(_rip, IrType.I64);
        if (code != BlockExit.Lookup)
        {
            SetCode(code);
        }
    }

    private void SetCode(BlockExit code)
    {
        _il.Constant((long)code, IrType.I32);
        _il.StoreLocal(_code, IrType.I32);
    }

    /// <summary>Pushes a value: from its local, or by evaluating it here.</summary>
    private void Push(int index)
    {
        ref readonly IrInstruction op = ref _block.Code[index];
        if (_values[index] is { } local)
        {
            _il.LoadLocal(local, op.Type);
        }
        else
        {
            EmitValue(index);
        }
    }

    private void EmitValue(int index)
    {
        IrInstruction op = _block.Code[index];
        switch (op.Opcode)
        {
            case IrOpcode.Constant:
                _il.Constant(op.Immediate, op.Type);
                break;
            case IrOpcode.Get:
                EmitGet(op);
                break;
            case IrOpcode.Cpu:
                _il.Argument(CpuArgument, IrType.I64);
                break;
            case IrOpcode.Load:
                CheckAddress(index, op.Width / 8, op.IsModifyingLoad, _access != RegionAccess.Direct, InterpretExit(index));
                PushHostAddress(op.A, op.IsModifyingLoad);
                _il.LoadIndirect(op.Width, true);
                break;
            case IrOpcode.Pointer:
                // Its user is a method, which must not fault: permissions are checked in every mode.
                CheckAddress(index, (int)op.Immediate, op.Width != 0, true, InterpretExit(index));
                PushHostAddress(op.A, op.Width != 0);
                break;
            case IrOpcode.Add:
                EmitBinary(OpCodes.Add, op);
                break;
            case IrOpcode.Sub:
                EmitBinary(OpCodes.Sub, op);
                break;
            case IrOpcode.Mul:
                EmitBinary(OpCodes.Mul, op);
                break;
            case IrOpcode.And:
                EmitBinary(OpCodes.And, op);
                break;
            case IrOpcode.Or:
                EmitBinary(OpCodes.Or, op);
                break;
            case IrOpcode.Xor:
                EmitBinary(OpCodes.Xor, op);
                break;
            case IrOpcode.ShiftLeft:
                EmitShift(OpCodes.Shl, op);
                break;
            case IrOpcode.ShiftRight:
                EmitShift(OpCodes.Shr_Un, op);
                break;
            case IrOpcode.ShiftRightSigned:
                EmitShift(OpCodes.Shr, op);
                break;
            case IrOpcode.Negate:
                EmitUnary(OpCodes.Neg, op);
                break;
            case IrOpcode.Not:
                EmitUnary(OpCodes.Not, op);
                break;
            case IrOpcode.Truncate:
                EmitUnary(OpCodes.Conv_U4, op);
                break;
            case IrOpcode.ZeroExtend:
                EmitUnary(OpCodes.Conv_U8, op);
                break;
            case IrOpcode.SignExtend:
                EmitUnary(OpCodes.Conv_I8, op);
                break;
            case IrOpcode.SignExtendIn:
                EmitUnary(op.Width == 8 ? OpCodes.Conv_I1 : OpCodes.Conv_I2, op);
                break;
            case IrOpcode.Equal:
                EmitCompare(OpCodes.Ceq, op, false);
                break;
            case IrOpcode.NotEqual:
                EmitCompare(OpCodes.Ceq, op, true);
                break;
            case IrOpcode.LessUnsigned:
                EmitCompare(OpCodes.Clt_Un, op, false);
                break;
            case IrOpcode.LessSigned:
                EmitCompare(OpCodes.Clt, op, false);
                break;
            case IrOpcode.LessEqualUnsigned:
                EmitCompare(OpCodes.Cgt_Un, op, true);
                break;
            case IrOpcode.LessEqualSigned:
                EmitCompare(OpCodes.Cgt, op, true);
                break;
            case IrOpcode.Select:
                EmitSelect(op);
                break;
            case IrOpcode.Call:
                EmitCall(op);
                break;
            case IrOpcode.Field or IrOpcode.Set or IrOpcode.DeferFlags or IrOpcode.Store or IrOpcode.RaiseIf or IrOpcode.Jump or IrOpcode.Branch or IrOpcode.JumpIndirect
                or IrOpcode.Exit or IrOpcode.ExitCall:
                throw new InvalidOperationException($"{op.Opcode} has no value in a region");
            default:
                throw new InvalidOperationException($"unknown operation {op.Opcode}");
        }
    }

    private void EmitGet(in IrInstruction op)
    {
        if (GuestRegisters.IndexOf(op.State.Offset) >= 0)
        {
            _registers.Get(op.State.Offset, op.Width);
            return;
        }

        _registers.PushStateAddress(op.State.Offset);
        _il.LoadIndirect(op.Width, false);
    }

    private void EmitBinary(OpCode opcode, in IrInstruction op)
    {
        Push(op.A);
        Push(op.B);
        _il.Binary(opcode, op.Type);
    }

    private void EmitShift(OpCode opcode, in IrInstruction op)
    {
        Push(op.A);
        Push(op.B);

        // IL leaves counts past the width undefined; the mask is free on x86 and RyuJIT drops it.
        if (_block.Code[op.B].Opcode != IrOpcode.Constant)
        {
            _il.Constant(op.Type == IrType.I64 ? 63 : 31, IrType.I32);
            _il.Binary(OpCodes.And, IrType.I32);
        }

        _il.Shift(opcode, op.Type);
    }

    private void EmitUnary(OpCode opcode, in IrInstruction op)
    {
        Push(op.A);
        _il.Unary(opcode, _block.Code[op.A].Type, op.Type);
    }

    private void EmitCompare(OpCode opcode, in IrInstruction op, bool negate)
    {
        Push(op.A);
        Push(op.B);
        _il.Compare(opcode, _block.Code[op.A].Type);
        if (negate)
        {
            _il.Constant(0, IrType.I32);
            _il.Compare(OpCodes.Ceq, IrType.I32);
        }
    }

    /// <summary>Integer selects without a branch: c ^ ((b ^ c) &amp; −condition). Conditions are 0 or 1.</summary>
    private void EmitSelect(in IrInstruction op)
    {
        Push(op.C);
        Push(op.B);
        Push(op.C);
        _il.Binary(OpCodes.Xor, op.Type);
        Push(op.A);
        _il.Unary(OpCodes.Neg, IrType.I32, IrType.I32);
        if (op.Type == IrType.I64)
        {
            _il.Unary(OpCodes.Conv_I8, IrType.I32, IrType.I64);
        }

        _il.Binary(OpCodes.And, op.Type);
        _il.Binary(OpCodes.Xor, op.Type);
    }

    private void EmitCall(in IrInstruction op)
    {
        MethodInfo method = MethodOf(op);
        ParameterInfo[] parameters = method.GetParameters();
        IrType[] types = new IrType[parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            Push(op.Arguments![i]);
            types[i] = _block.Code[op.Arguments[i]].Type;
            Type parameter = parameters[i].ParameterType;
            if (IlTypes.IsAddress(parameter))
            {
                _il.ToPointer();
            }
            else if (parameter.IsGenericType && IlTypes.Reinterpret(parameter, true) is { } reinterpret)
            {
                _il.Call(reinterpret, [types[i]], types[i]);
            }
        }

        _il.Call(method, types, op.Type);
        if (IlTypes.IsAddress(method.ReturnType))
        {
            _il.ToInteger();
        }
        else if (method.ReturnType.IsGenericType && IlTypes.Reinterpret(method.ReturnType, false) is { } back)
        {
            _il.Call(back, [op.Type], op.Type);
        }
    }

    /// <summary>Jumps when a condition holds, as one compare-and-branch where it is a comparison computed here.</summary>
    private void BranchIf(int condition, Label target)
    {
        IrInstruction op = _block.Code[condition];
        if (_values[condition] == null && BranchFor(op.Opcode) is { } opcode)
        {
            if (op.Opcode == IrOpcode.Equal && _block.Code[op.B] is { Opcode: IrOpcode.Constant, Immediate: 0 })
            {
                if (_values[op.A] == null && InverseBranchFor(_block.Code[op.A].Opcode) is { } inverse)
                {
                    IrInstruction inner = _block.Code[op.A];
                    Push(inner.A);
                    Push(inner.B);
                    _il.BranchCompare(inverse, target, _block.Code[inner.A].Type);
                    return;
                }

                Push(op.A);
                _il.BranchOn(OpCodes.Brfalse, target, _block.Code[op.A].Type);
                return;
            }

            Push(op.A);
            Push(op.B);
            _il.BranchCompare(opcode, target, _block.Code[op.A].Type);
            return;
        }

        Push(condition);
        _il.BranchOn(OpCodes.Brtrue, target);
    }

    private static OpCode? BranchFor(IrOpcode opcode) => opcode switch
    {
        IrOpcode.Equal => OpCodes.Beq,
        IrOpcode.NotEqual => OpCodes.Bne_Un,
        IrOpcode.LessUnsigned => OpCodes.Blt_Un,
        IrOpcode.LessSigned => OpCodes.Blt,
        IrOpcode.LessEqualUnsigned => OpCodes.Ble_Un,
        IrOpcode.LessEqualSigned => OpCodes.Ble,
        _ => null,
    };

    private static OpCode? InverseBranchFor(IrOpcode opcode) => opcode switch
    {
        IrOpcode.Equal => OpCodes.Bne_Un,
        IrOpcode.NotEqual => OpCodes.Beq,
        IrOpcode.LessUnsigned => OpCodes.Bge_Un,
        IrOpcode.LessSigned => OpCodes.Bge,
        IrOpcode.LessEqualUnsigned => OpCodes.Bgt_Un,
        IrOpcode.LessEqualSigned => OpCodes.Bgt,
        _ => null,
    };
}
