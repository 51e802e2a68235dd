using System.Runtime.InteropServices;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Execution;

/// <summary>
/// One virtual CPU. A thread creates it, calls <see cref="Run"/> in a loop, and answers each exit;
/// only <see cref="RequestExit"/> may be called from elsewhere.
/// </summary>
public sealed unsafe class VCpu : IDisposable
{
    /// <summary>MXCSR as .NET code expects it: round to nearest, every exception masked.</summary>
    private const uint DotNetMxcsr = 0x1f80;

    private static readonly Lock s_gate = new();
    private static VCpu?[] s_all = new VCpu?[16];

    private readonly CodeCache.CodeCache _cache;
    private readonly IRegionCompiler? _compiler;

    /// <summary>Of a machine's CPU.</summary>
    private readonly BlockTable? _blocks;

    private volatile bool _inGeneratedCode;

    public VCpu(CodeCache.CodeCache cache, IRegionCompiler? compiler = null)
    {
        _cache = cache;
        _compiler = compiler;
        State = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);
        NativeMemory.Clear(State, CpuState.Size);
        State->JumpCache = (nint)NativeMemory.AlignedAlloc((nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)), 64);
        NativeMemory.Clear((void*)State->JumpCache, (nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)));
        Reset();
        if (Memory is PhysicalMemory physical)
        {
            NativeMemory.AlignedFree((void*)State->JumpCache);
            _blocks = new BlockTable();
            SoftTlb.Create(State, physical);
            State->System.Staging = (nint)NativeMemory.AlignedAlloc((nuint)sizeof(StagedMemory), 64);
            NativeMemory.Clear((void*)State->System.Staging, (nuint)sizeof(StagedMemory));
        }

        Register();
        cache.Attach(this);
    }

    /// <summary>Registers; valid until <see cref="Dispose"/>. Complete and exact whenever <see cref="Run"/> is not running.</summary>
    public CpuState* State { get; private set; }

    /// <summary>The address space of a process guest, or a machine's physical memory.</summary>
    public GuestPages Memory => _cache.Memory;

    /// <summary>The machine's CPU this is the engine of; null in a process guest.</summary>
    public MachineCpu? Machine { get; internal set; }

    /// <summary>Set when <see cref="Run"/> returns <see cref="CpuExit.Exception"/>.</summary>
    public CpuException Exception { get; private set; }

    /// <summary>The latest memory fault came from compiled code without checks: the registers are those at its entry.</summary>
    public bool FaultedInCompiledCode { get; private set; }

    /// <summary>The vCPU the calling thread ran last; null on a thread that runs none.</summary>
    [field: ThreadStatic]
    internal static VCpu? Current { get; private set; }

    private bool IsMachine => State->System.IsMachine != 0;

    internal bool IsInGeneratedCode => _inGeneratedCode;

    /// <summary>The vCPU a state record belongs to; null for a record of its own. Any thread.</summary>
    public static VCpu? FromState(CpuState* cpu) => Volatile.Read(ref s_all)[cpu->Identity] is { } vcpu && vcpu.State == cpu ? vcpu : null;

    /// <summary>Puts registers in the state a new Linux program starts with, except RIP, RSP and the segment bases.</summary>
    public void Reset()
    {
        nint jumpCache = State->JumpCache;
        int identity = State->Identity;
        NativeMemory.Clear(State, CpuState.Size);
        State->JumpCache = jumpCache;
        State->Identity = identity;
        State->Pages = Memory.Pages;
        State->MemoryBase = Memory.HostBase;
        State->AddressLimit = AddressSpace.Limit;
        State->Mxcsr = DotNetMxcsr;
        State->X87.ControlWord = 0x37f;
        State->Selectors[1] = 0x33;
        State->Selectors[2] = 0x2b;
        State->WriteFlags(0x202);
        CpuMode.StartProcess(State);
    }

    /// <summary>Runs guest code from <see cref="CpuState.Rip"/> until something needs the embedder.</summary>
    public CpuExit Run()
    {
        HostFaults.EnterThread();
        Current = this;
        if (!FloatExceptions.AreMasked(State->Mxcsr))
        {
            CheckFloatExceptions();
        }

        while (true)
        {
            if (RunOnce() is { } exit)
            {
                return exit;
            }
        }
    }

    /// <summary>Makes <see cref="Run"/> return <see cref="CpuExit.Interrupted"/> soon. Any thread; safe in a signal handler.</summary>
    public void RequestExit() => State->ExitRequest = 1;

    public void Dispose()
    {
        if (State == null)
        {
            return;
        }

        _cache.Detach(this);
        lock (s_gate)
        {
            s_all[State->Identity] = null;
        }

        if (IsMachine)
        {
            _blocks!.Dispose();
            SoftTlb.Free(State);
            NativeMemory.AlignedFree((void*)State->System.Staging);
        }
        else
        {
            NativeMemory.AlignedFree((void*)State->JumpCache);
        }

        NativeMemory.AlignedFree(State);
        State = null;
    }

    /// <summary>The guest unmasked a floating-point exception: see <see cref="CodeCache.CodeCache.CheckFloatExceptions"/>.</summary>
    internal void CheckFloatExceptions() => _cache.CheckFloatExceptions();

    /// <summary>Writes a copy of one record that goes nowhere else, and behind it the one that ends its run.</summary>
    public void CopyAlone(TbOp* copy, TbOp* op, delegate*<CpuState*, TbOp*, byte*, int> handler)
    {
        copy[0] = *op;
        copy->Handler = handler;
        copy->Next = null;
        if (_cache.IsRecord(copy->Target))
        {
            copy->Target = null;
        }

        copy[1] = default;
        copy[1].Handler = (delegate*<CpuState*, TbOp*, byte*, int>)_cache.ReturnHandler;
    }

    /// <summary>Forgets computed-jump targets: the address space was replaced, or the cache flushed.</summary>
    internal void ClearJumpCaches()
    {
        if (_blocks != null)
        {
            _blocks.Clear();
            SoftTlb.ClearJumpCaches(State);
        }
        else
        {
            NativeMemory.Clear((void*)State->JumpCache, (nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)));
        }
    }

    /// <summary>A block became stale: its head would look itself up for ever. Any thread.</summary>
    internal void ForgetTarget(ulong address, TbOp* head)
    {
        if (_blocks != null)
        {
            _blocks.Forget(address, head);
            SoftTlb.ForgetTarget(State, address, head);
        }
        else
        {
            SoftTlb.ForgetTarget((JumpCacheEntry*)State->JumpCache, address, head);
        }
    }

    /// <summary>A page got its first translation: see <see cref="SoftTlb.DropWrites"/>. Any thread.</summary>
    internal void PageHoldsCode(byte* hostPage)
    {
        if (IsMachine)
        {
            SoftTlb.DropWrites(State, hostPage);
        }
    }

    /// <summary>
    /// Runs exactly one instruction, whatever waits to interrupt it. Null: it was done, and RIP is at the next.
    /// </summary>
    internal CpuExit? Step()
    {
        Current = this;
        TranslationBlock? block = TryLocate(State->Rip, out CodeLocation location) ? FindMachineBlock(location with { Mode = location.Mode | CodeMode.Single }) : null;
        if (block == null)
        {
            return FetchFault();
        }

        State->System.InstructionsLeft -= State->System.InstructionsLeft > 0 ? 1 : 0;

        // Its branches find nothing to go on with, and are not chained. It is what a shadow of the instruction before falls on.
        SoftTlb.HideJumpCache(State);
        if (State->System.InterruptShadow != SystemState.StackShadow || !Breakpoints.WatchesCode(State))
        {
            // Otherwise the check in front of the instruction ends it.
            State->System.InterruptShadow = 0;
        }

        State->System.DeliversEvent = 0;
        State->System.IsSingle = 1;
        CpuExit? exit = Execute(block.Ops + 1);
        State->System.IsSingle = 0;
        SoftTlb.ModeChanged(State);
        return exit;
    }

    private CpuExit? RunOnce()
    {
        if (State->ExitRequest != 0)
        {
            State->ExitRequest = 0;
            return CpuExit.Interrupted;
        }

        if (_cache.IsNearlyFull)
        {
            _cache.Flush();
        }

        return RunBlock(0);
    }

    /// <summary>Runs from the block at RIP; <paramref name="skip"/> = 1 steps over its head, so that a region there is not entered.</summary>
    private CpuExit? RunBlock(int skip)
    {
        TbOp* op = FindBlock(State->Rip);
        if (op == null)
        {
            return FetchFault();
        }

        return Execute(op + skip);
    }

    private CpuExit? Execute(TbOp* op)
    {
        int exit;
        try
        {
            exit = Enter(op);
        }
        catch (NullReferenceException) when (_inGeneratedCode)
        {
            _inGeneratedCode = false;
            HostCode.LoadMxcsr(DotNetMxcsr);
            if (!HostFaults.TryTake(out ulong address, out uint error, out bool bus, out uint mxcsr))
            {
                throw;
            }

            State->Mxcsr |= mxcsr & FloatExceptions.Flags;
            return Fault(new CpuException(ExceptionVector.PageFault, error | GuestAccess.ErrorUser, address - (ulong)Memory.HostBase, bus));
        }
        catch (RunAloneException)
        {
            HostCode.LoadMxcsr(DotNetMxcsr);
            _inGeneratedCode = false;
            State->InRegion = 0;
            State->Rip = ((TbOp*)State->CurrentOp)->Address;
            _cache.Observer?.Left(BlockExit.Single, State);
            return Handle(BlockExit.Single);
        }
        catch (GuestFaultException fault)
        {
            HostCode.LoadMxcsr(DotNetMxcsr);
            _inGeneratedCode = false;
            State->Mxcsr |= fault.Mxcsr & FloatExceptions.Flags;
            return Fault(fault.Fault);
        }

        _inGeneratedCode = false;
        _cache.Observer?.Left((BlockExit)exit, State);
        return Handle((BlockExit)exit);
    }

    private int Enter(TbOp* op)
    {
        // A flush that starts after this store sees it and waits; one that started before is seen here.
        _inGeneratedCode = true;
        if (_cache.FlushPending)
        {
            _inGeneratedCode = false;
            _cache.AwaitFlush();
            return (int)BlockExit.Lookup;
        }

        // Only generated code runs with the guest's rounding, and only its flags are collected.
        HostCode.LoadMxcsr(FloatExceptions.HostMxcsr(State->Mxcsr));
        int exit = op->Handler(State, op, State->MemoryBase);
        State->Mxcsr = FloatExceptions.Read(State);
        HostCode.LoadMxcsr(DotNetMxcsr);
        return exit;
    }

    private CpuExit? Handle(BlockExit exit)
    {
        switch (exit)
        {
            case BlockExit.Lookup:
                return null;
            case BlockExit.Link:
                if (State->System.IsSingle == 0)
                {
                    Link();
                }

                return null;
            case BlockExit.Interrupted:
                State->ExitRequest = 0;
                return CpuExit.Interrupted;
            case BlockExit.Hot:
                if (FindHot() is { } hot)
                {
                    hot.TimesOffered++;
                    _compiler?.BlockIsHot(hot, IsMachine ? SoftTlb.MapOfCode(State) : null);
                }

                return null;
            case BlockExit.Interpret:
                return RunBlock(1);
            case BlockExit.Nan:
                _compiler?.MetNan((TbOp*)State->CurrentOp);
                return RunBlock(1);
            case BlockExit.Single:
                return Step() ?? (State->System.DebugHits != 0 ? CpuExit.Interrupted : null);
            case BlockExit.SystemCall:
                return CpuExit.SystemCall;
            case BlockExit.Halted:
                return CpuExit.Halted;
            case BlockExit.Fetch:
                // What is found anew has its pages found anew.
                Dispatch.JumpCacheSlot(State, State->Rip) = default;
                return null;
            default:
                Exception = PendingException();
                return CpuExit.Exception;
        }
    }

    private CpuExit Fault(CpuException exception)
    {
        FaultedInCompiledCode = State->InRegion != 0;
        State->InRegion = 0;
        State->Rip = ((TbOp*)State->CurrentOp)->Address;
        _cache.Observer?.Left(BlockExit.Exception, State);
        if (exception is { Vector: ExceptionVector.GeneralProtection, Address: not 0 })
        {
            exception = NonCanonical(exception.Address);
        }

        State->FaultAddress = exception.Address;
        Exception = exception;
        return CpuExit.Exception;
    }

    private CpuException PendingException()
    {
        ExceptionVector vector = (ExceptionVector)State->PendingVector;
        if (vector == ExceptionVector.GeneralProtection && SystemSemantics.IsNonCanonical(State->FaultAddress))
        {
            return NonCanonical(State->FaultAddress);
        }

        CpuException exception = new(vector, State->System.PendingErrorCode, vector == ExceptionVector.PageFault ? State->FaultAddress : 0);
        State->System.PendingErrorCode = 0;
        return exception;
    }

    /// <summary>What the instruction at RIP raises by an access to a non-canonical address: #SS if it is the stack segment's (SDM vol. 1, 3.3.7.1).</summary>
    private CpuException NonCanonical(ulong address)
    {
        CodeLocation location = new(State->Rip, 0, (CodeMode)State->System.CodeMode);
        bool isStack = (!IsMachine || TryLocate(State->Rip, out location)) && _cache.IsStackAccess(State, location, address);
        State->FaultAddress = 0;
        return new CpuException(isStack ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0, 0);
    }

    private CpuExit FetchFault()
    {
        if (IsMachine)
        {
            Exception = PendingException();
            return CpuExit.Exception;
        }

        ulong rip = State->Rip;
        bool present = Memory.AccessOf(rip) != PageAccess.None;
        Exception = SystemSemantics.IsNonCanonical(rip)
            ? new CpuException(ExceptionVector.GeneralProtection, 0, 0)
            : new CpuException(ExceptionVector.PageFault, GuestAccess.ErrorUser | GuestAccess.ErrorFetch | (present ? GuestAccess.ErrorProtection : 0), rip);
        State->FaultAddress = Exception.Address;
        return CpuExit.Exception;
    }

    private TranslationBlock? FindHot()
    {
        if (!IsMachine)
        {
            return _cache.Find(State->Rip);
        }

        return TryLocate(State->Rip, out CodeLocation location) ? _cache.Find(location) : null;
    }

    private void Link()
    {
        TbOp* from = (TbOp*)State->CurrentOp;
        if (!IsMachine)
        {
            _cache.Link(from, CodeLocation.InProcess(State->Rip));
        }
        else if (TryLocate(State->Rip, out CodeLocation location))
        {
            _cache.Link(from, location);
        }
    }

    private TbOp* FindBlock(ulong address)
    {
        TbOp* cached = Dispatch.Find(State, address);
        if (cached != null)
        {
            return cached;
        }

        TbOp* head = IsMachine ? FindMachineHead(address) : HeadOf(_cache.FindOrTranslate(CodeLocation.InProcess(address)));
        return head == null ? null : Remember(address, head);
    }

    /// <summary>Puts a block into the jump cache.</summary>
    private TbOp* Remember(ulong address, TbOp* head)
    {
        ref JumpCacheEntry entry = ref Dispatch.JumpCacheSlot(State, address);
        entry.Op = head;
        entry.Address = address;

        // Another vCPU may be making it stale: either it sees these entries or this sees its mark.
        Interlocked.MemoryBarrier();
        if (_cache.IsStale(head))
        {
            ForgetTarget(address, head);
        }

        return head;
    }

    /// <summary>A machine guest's block that was looked up before, where its pages were seen to be; null when there is none.</summary>
    internal TbOp* FindKnown(ulong address)
    {
        ulong linear = SoftTlb.LinearCode(State, address);
        if (!SoftTlb.TryFindCode(State, linear, out ulong physical))
        {
            return null;
        }

        TbOp* head = FindKnown(new CodeLocation(address, physical, (CodeMode)State->System.CodeMode));
        return head == null ? null : Remember(address, head);
    }

    private TbOp* FindKnown(in CodeLocation location)
    {
        TbOp* head = _blocks!.Find(location, out ulong nextPage);
        bool isWhole = nextPage == 0 || (SoftTlb.TryFindCode(State, BehindPage(SoftTlb.LinearCode(State, location.Address)), out ulong next) && next == nextPage);
        return isWhole ? head : null;
    }

    private static TbOp* HeadOf(TranslationBlock? block) => block == null ? null : block.Ops;

    private TbOp* FindMachineHead(ulong address)
    {
        if (!TryLocate(address, out CodeLocation location))
        {
            return null;
        }

        TbOp* known = FindKnown(location);
        if (known != null)
        {
            return known;
        }

        TranslationBlock? block = FindMachineBlock(location);
        if (block != null)
        {
            _blocks!.Add(block);
        }

        return HeadOf(block);
    }

    /// <summary>The block at a location that was just found. Null: a fault, which the state describes.</summary>
    private TranslationBlock? FindMachineBlock(in CodeLocation location)
    {
        TranslationBlock? block = _cache.Find(location);
        if (block is { Straddles: false })
        {
            return block;
        }

        if (block == null)
        {
            block = _cache.FindOrTranslate(location);
            if (block != null)
            {
                return block;
            }
        }

        // The instruction goes on in the next page.
        return TryFetchNext(location.Address, out ulong next) ? _cache.FindOrTranslate(location with { NextPage = next }) : null;
    }

    /// <summary>Where the page behind that of an address is.</summary>
    private bool TryFetchNext(ulong address, out ulong physical) =>
        TryFetch(BehindPage(SoftTlb.LinearCode(State, address)), out physical);

    private static ulong BehindPage(ulong linear) => (linear | (GuestPages.PageSize - 1)) + 1;

    private bool TryLocate(ulong rip, out CodeLocation location)
    {
        bool isFound = TryFetch(SoftTlb.LinearCode(State, rip), out ulong physical);
        location = new CodeLocation(rip, physical, (CodeMode)State->System.CodeMode);
        return isFound;
    }

    /// <summary>Where the code at a linear address is. False: a fault, which the state describes.</summary>
    private bool TryFetch(ulong linear, out ulong physical)
    {
        if (!SoftTlb.TryFindCode(State, linear, out physical))
        {
            if (!PagedMemory.TryTranslate(State, linear, SoftTlb.Privilege(State) | PageWalk.Fetch, out PageMapping mapping))
            {
                return false;
            }

            SoftTlb.NoteCode(State, linear, mapping);
            physical = mapping.Physical;
        }

        return CanFetch(physical);
    }

    /// <summary>Code runs from RAM and ROM only; elsewhere the bus answers ones, an undefined opcode.</summary>
    private bool CanFetch(ulong physical)
    {
        if (Memory.AccessOf(physical) != PageAccess.None)
        {
            return true;
        }

        State->PendingVector = (int)ExceptionVector.InvalidOpcode;
        return false;
    }

    private void Register()
    {
        lock (s_gate)
        {
            int free = Array.IndexOf(s_all, null);
            if (free < 0)
            {
                free = s_all.Length;
                VCpu?[] larger = new VCpu?[free * 2];
                s_all.CopyTo(larger, 0);
                Volatile.Write(ref s_all, larger);
            }

            s_all[free] = this;
            State->Identity = free;
        }
    }
}
