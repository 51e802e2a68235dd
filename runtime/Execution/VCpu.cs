using System.Runtime.InteropServices;
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
    private volatile bool _inGeneratedCode;

    public VCpu(CodeCache.CodeCache cache, IRegionCompiler? compiler = null)
    {
        _cache = cache;
        _compiler = compiler;
        State = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);
        NativeMemory.Clear(State, CpuState.Size);
        State->JumpCache = (nint)NativeMemory.AlignedAlloc((nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)), 64);
        NativeMemory.Clear((void*)State->JumpCache, (nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)));
        State->Pages = Memory.Pages;
        State->MemoryBase = Memory.HostBase;
        Reset();
        Register();
        cache.Attach(this);
    }

    /// <summary>Registers; valid until <see cref="Dispose"/>. Complete and exact whenever <see cref="Run"/> is not running.</summary>
    public CpuState* State { get; private set; }

    public AddressSpace Memory => _cache.Memory;

    /// <summary>Set when <see cref="Run"/> returns <see cref="CpuExit.Exception"/>.</summary>
    public CpuException Exception { get; private set; }

    /// <summary>The latest memory fault came from compiled code without checks: the registers are those at its entry.</summary>
    public bool FaultedInCompiledCode { get; private set; }

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
        State->Mxcsr = DotNetMxcsr;
        State->X87.ControlWord = 0x37f;
        State->Selectors[1] = 0x33;
        State->Selectors[2] = 0x2b;
        State->WriteFlags(0x202);
    }

    /// <summary>Runs guest code from <see cref="CpuState.Rip"/> until something needs the embedder.</summary>
    public CpuExit Run()
    {
        HostFaults.EnterThread();
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

        NativeMemory.AlignedFree((void*)State->JumpCache);
        NativeMemory.AlignedFree(State);
        State = null;
    }

    /// <summary>The guest unmasked a floating-point exception: see <see cref="CodeCache.CodeCache.CheckFloatExceptions"/>.</summary>
    internal void CheckFloatExceptions() => _cache.CheckFloatExceptions();

    /// <summary>Forgets computed-jump targets: the address space was replaced.</summary>
    internal void ClearJumpCache() => NativeMemory.Clear((void*)State->JumpCache, (nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)));

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

        int exit;
        try
        {
            exit = Enter(op + skip);
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
        catch (GuestFaultException fault)
        {
            HostCode.LoadMxcsr(DotNetMxcsr);
            _inGeneratedCode = false;
            State->Mxcsr |= fault.Mxcsr & FloatExceptions.Flags;
            return Fault(fault.Fault);
        }

        _inGeneratedCode = false;
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
                _cache.Link((TbOp*)State->CurrentOp, State->Rip);
                return null;
            case BlockExit.Interrupted:
                State->ExitRequest = 0;
                return CpuExit.Interrupted;
            case BlockExit.Hot:
                if (_cache.Find(State->Rip) is { } hot)
                {
                    _compiler?.BlockIsHot(hot);
                }

                return null;
            case BlockExit.Interpret:
                return RunBlock(1);
            case BlockExit.SystemCall:
                return CpuExit.SystemCall;
            default:
                Exception = new CpuException((ExceptionVector)State->PendingVector, 0, 0);
                return CpuExit.Exception;
        }
    }

    private CpuExit Fault(CpuException exception)
    {
        FaultedInCompiledCode = State->InRegion != 0;
        State->InRegion = 0;
        State->Rip = ((TbOp*)State->CurrentOp)->Address;
        State->FaultAddress = exception.Address;
        Exception = exception;
        return CpuExit.Exception;
    }

    private CpuExit FetchFault()
    {
        ulong rip = State->Rip;
        bool canonical = (long)rip >> 47 is 0 or -1;
        bool present = Memory.AccessOf(rip) != PageAccess.None;
        Exception = canonical
            ? new CpuException(ExceptionVector.PageFault, GuestAccess.ErrorUser | GuestAccess.ErrorFetch | (present ? GuestAccess.ErrorProtection : 0), rip)
            : new CpuException(ExceptionVector.GeneralProtection, 0, 0);
        State->FaultAddress = Exception.Address;
        return CpuExit.Exception;
    }

    private TbOp* FindBlock(ulong address)
    {
        TbOp* cached = Dispatch.Find(State, address);
        if (cached != null)
        {
            return cached;
        }

        TranslationBlock? block = _cache.FindOrTranslate(address);
        if (block == null)
        {
            return null;
        }

        ref JumpCacheEntry entry = ref Dispatch.JumpCacheSlot(State, address);
        entry.Op = block.Ops;
        entry.Address = address;
        return block.Ops;
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
