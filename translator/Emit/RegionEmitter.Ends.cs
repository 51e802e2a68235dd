using System.Numerics;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Emit;

/// <content>How a region is entered and left.</content>
public sealed partial class RegionEmitter
{
    /// <summary>
    /// Regions are entered as the handler of a block's head, by jumps: from tier 0 and from other regions, without anything to
    /// return to in between.
    /// </summary>
    private void EmitEntries()
    {
        Label refuse = _il.NewLabel();
        Label interrupted = _il.NewLabel();
        Label nan = _il.NewLabel();
        _registers.PushStateAddress(CpuState.ExitRequestOffset);
        _il.LoadIndirect(32, true);
        _il.BranchOn(OpCodes.Brtrue, interrupted);
        StoreState(CpuState.CurrentOpOffset, 64, () => _il.Argument(RecordArgument, IrType.I64));
        StoreState(CpuState.InRegionOffset, 32, () => _il.Constant(1, IrType.I32));
        _registers.PushStateAddress(CpuState.PagesOffset);
        _il.LoadIndirect(64, false);
        _il.StoreLocal(_pages, IrType.I64);
        _deferred?.Forget();
        foreach ((LocalBuilder local, _) in _loopCounts.Values)
        {
            _il.Constant(0, IrType.I64);
            _il.StoreLocal(local, IrType.I64);
        }

        RegionBlock[] entries = [.. _blocks.Where(block => block.Entry >= 0).OrderBy(block => block.Entry)];
        Label[] stubs = Array.ConvertAll(entries, _ => _il.NewLabel());
        if (entries.Length > 1)
        {
            PushRecordField(nameof(TbOp.Next));
            _il.Unary(OpCodes.Conv_I4, IrType.I64, IrType.I32);
            _il.Switch(stubs);
        }

        _il.Branch(stubs[0]);
        for (int i = 0; i < entries.Length; i++)
        {
            _il.Mark(stubs[i]);
            unsafe
            {
                // Another region may have taken the head over since this one's address was read from it.
                _il.Argument(RecordArgument, IrType.I64);
                _il.Constant((long)entries[i].Source.Ops, IrType.I64);
                _il.BranchCompare(OpCodes.Bne_Un, refuse, IrType.I64);
            }

            _registers.Load(_flow.LiveAtStart(entries[i]));
            BranchOnNans(_nans.UnseenAtEntry(entries[i]), nan);
            _il.Branch(_labels[entries[i].Address]);
        }

        if (_nans.IsNeeded)
        {
            _il.Mark(nan);
            ReturnBefore(BlockExit.Nan);
        }

        _il.Mark(refuse);
        ReturnBefore(BlockExit.Lookup);
        _il.Mark(interrupted);
        ReturnBefore(BlockExit.Interrupted);
    }

    /// <summary>Returns with nothing done.</summary>
    private void ReturnBefore(BlockExit code)
    {
        StoreState(CpuState.RipOffset, 64, () => PushRecordField(nameof(TbOp.Address)));
        StoreState(CpuState.InRegionOffset, 32, () => _il.Constant(0, IrType.I32));
        _il.Constant((long)code, IrType.I32);
        _il.Return();
    }

    private void PushRecordField(string name) => PushRecordField(() => _il.Argument(RecordArgument, IrType.I64), name, 64);

    private void PushRecordField(Action pushRecord, string name, int width)
    {
        pushRecord();
        _il.Constant(Marshal.OffsetOf<TbOp>(name), IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.LoadIndirect(width, false);
    }

    private void StoreState(int offset, int width, Action push)
    {
        _registers.PushStateAddress(offset);
        _il.ToPointer();
        push();
        _il.StoreIndirect(width, false);
    }

    private void EmitLeaves()
    {
        Label lookup = _il.NewLabel();
        foreach (int code in _leaves.Keys.Where(static leave => leave.IsLookup).Select(static leave => leave.FlagCode).Distinct().ToArray())
        {
            _il.Mark(EmitStores(code, isLookup: true));
            LeaveState();
            if (_deferred != null && code != (int)FlagOperation.None)
            {
                GoToBlockWithoutFlags();
            }

            if (_deferred?.TryComputeInline(code) == false)
            {
                ComputeFlags();
            }

            _il.Branch(lookup);
        }

        _il.Mark(lookup);
        EmitLookup();
        _il.Mark(EmitStores(DeferredFlow.Unknown, isLookup: false));
        LeaveState();
        ComputeFlags();
        EmitContinuation(BlockExit.Interpret, _handlers.Interpret);
        if (_handlers.SystemCall != 0 && _endsWithSystemCall)
        {
            EmitContinuation(BlockExit.SystemCall, _handlers.SystemCall);
        }

        _il.LoadLocal(_code, IrType.I32);
        _il.Return();
    }

    /// <summary>An exit that a handler goes on from.</summary>
    private void EmitContinuation(BlockExit code, nint handler)
    {
        Label other = _il.NewLabel();
        _il.LoadLocal(_code, IrType.I32);
        _il.Constant((long)code, IrType.I32);
        _il.BranchCompare(OpCodes.Bne_Un, other, IrType.I32);
        JumpToHandler(handler);
        _il.Mark(other);
    }

    private void JumpToHandler(nint handler)
    {
        _il.Argument(CpuArgument, IrType.I64);
        _il.Argument(RecordArgument, IrType.I64);
        PushMemory();
        _il.Constant(handler, IrType.I64);
        _il.JumpToHandler();
    }

    /// <summary>Each way out stores what the largest one within it does not, and goes on there. Returns where they all end.</summary>
    private Label EmitStores(int flagCode, bool isLookup)
    {
        ulong[] sets = [.. _leaves.Keys.Where(leave => leave.IsLookup == isLookup && leave.FlagCode == flagCode).Select(leave => leave.Dirty).OrderBy(BitOperations.PopCount)];
        Label end = _il.NewLabel();
        for (int i = 0; i < sets.Length; i++)
        {
            int inner = i - 1;
            while (inner >= 0 && (sets[inner] & ~sets[i]) != 0)
            {
                inner--;
            }

            _il.Mark(_leaves[(sets[i], flagCode, isLookup)]);
            _registers.Store(inner < 0 ? sets[i] : sets[i] & ~sets[inner]);
            _il.Branch(inner < 0 ? end : _leaves[(sets[inner], flagCode, isLookup)]);
        }

        return end;
    }

    private void LeaveState()
    {
        foreach ((LocalBuilder local, nint counter) in _loopCounts.Values)
        {
            _il.AddTo(counter, local);
        }

        StoreState(CpuState.RipOffset, 64, () => _il.LoadLocal(_rip, IrType.I64));
        StoreState(CpuState.InRegionOffset, 32, () => _il.Constant(0, IrType.I32));
    }

    /// <summary>
    /// Flags that were deferred. All else is in the state by now: what follows finds it there, so that nothing need be kept over the call, in
    /// registers that every entry would have to save.
    /// </summary>
    private void ComputeFlags()
    {
        if (_deferred == null)
        {
            return;
        }

        Label none = _il.NewLabel();
        _deferred.Compute(none);
        _il.StoreArgument(CpuArgument, IrType.I64);
        ReloadArgument(RecordArgument, CpuState.CurrentOpOffset);
        ReloadArgument(MemoryArgument, CpuState.MemoryBaseOffset);
        _registers.PushStateAddress(CpuState.RipOffset);
        _il.LoadIndirect(64, false);
        _il.StoreLocal(_rip, IrType.I64);
        _il.Mark(none);
    }

    private void ReloadArgument(int argument, int offset)
    {
        _registers.PushStateAddress(offset);
        _il.LoadIndirect(64, false);
        _il.StoreArgument(argument, IrType.I64);
    }

    /// <summary>Goes on at RIP if the jump cache has a block there that does not ask for the flags it finds: most code that is called or returned to.</summary>
    private void GoToBlockWithoutFlags()
    {
        Label other = _il.NewLabel();
        LocalBuilder next = FindInJumpCache(other);
        PushRecordField(() => _il.LoadLocal(next, IrType.I64), nameof(TbOp.R1), 16);
        _il.BranchOn(OpCodes.Brfalse, other);
        JumpToRecord(next);
        _il.Mark(other);
    }

    /// <summary>Goes on at RIP: straight at what the jump cache has, as <see cref="Dispatch.Find"/>, so that each region has a jump of its own to predict.</summary>
    private void EmitLookup()
    {
        Label missing = _il.NewLabel();
        JumpToRecord(FindInJumpCache(missing));
        _il.Mark(missing);
        if (_handlers.Search != 0)
        {
            JumpToHandler(_handlers.Search);
        }
        else
        {
            _il.Constant((long)BlockExit.Lookup, IrType.I32);
            _il.Return();
        }
    }

    /// <summary>The first record of the block at RIP, as the jump cache has it; goes to <paramref name="missing"/> if it does not.</summary>
    private LocalBuilder FindInJumpCache(Label missing)
    {
        LocalBuilder entry = _il.NewLocal(typeof(ulong), "found");
        _registers.PushStateAddress(CpuState.JumpCacheOffset);
        _il.LoadIndirect(64, false);
        _il.LoadLocal(_rip, IrType.I64);
        _il.LoadLocal(_rip, IrType.I64);
        _il.Constant(GuestPages.PageShift, IrType.I32);
        _il.Shift(OpCodes.Shr_Un, IrType.I64);
        _il.Binary(OpCodes.Xor, IrType.I64);
        _il.Constant(Dispatch.JumpCacheSize - 1, IrType.I64);
        _il.Binary(OpCodes.And, IrType.I64);
        _il.Constant(Unsafe.SizeOf<JumpCacheEntry>(), IrType.I64);
        _il.Binary(OpCodes.Mul, IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.StoreLocal(entry, IrType.I64);
        _il.LoadLocal(entry, IrType.I64);
        _il.LoadIndirect(64, false);
        _il.LoadLocal(_rip, IrType.I64);
        _il.BranchCompare(OpCodes.Bne_Un, missing, IrType.I64);
        LocalBuilder next = _il.NewLocal(typeof(ulong), "next");
        _il.LoadLocal(entry, IrType.I64);
        _il.Constant(Marshal.OffsetOf<JumpCacheEntry>(nameof(JumpCacheEntry.Op)), IrType.I64);
        _il.Binary(OpCodes.Add, IrType.I64);
        _il.LoadIndirect(64, false);
        _il.StoreLocal(next, IrType.I64);
        _il.LoadLocal(next, IrType.I64);
        _il.BranchOn(OpCodes.Brfalse, missing, IrType.I64);
        return next;
    }

    private void JumpToRecord(LocalBuilder record)
    {
        _il.Argument(CpuArgument, IrType.I64);
        _il.LoadLocal(record, IrType.I64);
        PushMemory();
        _il.LoadLocal(record, IrType.I64);
        _il.LoadIndirect(64, false);
        _il.JumpToHandler();
    }

    /// <summary>What handlers get to reach memory. A machine guest's may have changed with what the region called.</summary>
    private void PushMemory()
    {
        if (_access == RegionAccess.Paged)
        {
            _registers.PushStateAddress(CpuState.MemoryBaseOffset);
            _il.LoadIndirect(64, false);
        }
        else
        {
            _il.Argument(MemoryArgument, IrType.I64);
        }
    }
}
