using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <summary>One guest thread, which runs on a host thread of its own; its tid is that thread's.</summary>
public sealed unsafe partial class GuestThread
{
    private const ulong SyscallInstructionSize = 2;

    private bool _ended;
    private SyscallRestart _interrupted;
    private bool _wasInterrupted;
    private ulong _interruptedNumber;
    private bool _keepResult;
    private bool _suppressRestart;

    internal GuestThread(LinuxProcess process)
    {
        Process = process;
        Cpu = process.Engine.CreateVCpu();
    }

    public LinuxProcess Process { get; }

    public VCpu Cpu { get; }

    public CpuState* State => Cpu.State;

    public AddressSpace Memory => Process.Memory;

    private int* ExitRequest => (int*)((byte*)State + CpuState.ExitRequestOffset);

    /// <summary>The native stubs' record of the host thread; null before it runs.</summary>
    public HostThread* Host { get; private set; }

    /// <summary>The thread id; it stays after the thread has ended.</summary>
    public int Tid { get; private set; }

    /// <summary>Address to clear and wake when the thread ends (set_tid_address); 0 = none.</summary>
    internal ulong ClearChildTid { get; set; }

    /// <summary>Head of the robust futex list and the size the guest gave; 0 = none.</summary>
    internal ulong RobustList { get; set; }

    /// <summary>Whether this thread is in a host thread of its own that has begun to run.</summary>
    internal bool HasStarted => Host != null;

    /// <summary>Sets the registers a program starts with (System V psABI, 3.4).</summary>
    internal void StartProgram(ulong rip, ulong rsp)
    {
        Cpu.Reset();
        State->Gpr[4] = rsp;
        State->Rip = rip;
    }

    /// <summary>Takes over another thread's registers, as clone does.</summary>
    internal void CopyRegisters(GuestThread from)
    {
        CpuState* cpu = State;
        nint jumpCache = cpu->JumpCache;
        int identity = cpu->Identity;
        *cpu = *from.State;
        cpu->JumpCache = jumpCache;
        cpu->Identity = identity;
        cpu->ExitRequest = 0;
        cpu->CurrentOp = 0;
        cpu->InRegion = 0;
    }

    /// <summary>Takes the calling host thread for this guest thread.</summary>
    internal void Enter()
    {
        Host = HostThreads.Enter();
        Tid = Host->Tid;
        Host->ExitRequest = ExitRequest;
    }

    /// <summary>In the child of a fork, whose host thread has another id.</summary>
    internal void BecomeForked() => Tid = Host->Tid;

    /// <summary>Gives the host thread up.</summary>
    internal void Leave()
    {
        Host->ExitRequest = null;
        HostThreads.Leave();
    }

    /// <summary>Runs guest code until the thread ends.</summary>
    internal void Run()
    {
        Attend();
        while (!_ended)
        {
            CpuExit exit = Cpu.Run();
            Process.ExitTracer?.Exited(this, exit);
            switch (exit)
            {
                case CpuExit.Interrupted:
                    Attend();
                    break;
                case CpuExit.SystemCall:
                    CallSystem();
                    break;
                case CpuExit.Exception:
                    RaiseException(Cpu.Exception);
                    break;
            }

            if (State->ExitRequest != 0 || Host->Interrupt != 0 || _wasInterrupted)
            {
                Attend();
            }
        }
    }

    /// <summary>Makes <see cref="Run"/> return once the current system call is done.</summary>
    internal void End() => _ended = true;

    /// <summary>Undoes <see cref="End"/>, for the main thread that executes another's exec.</summary>
    internal void Revive() => _ended = false;

    /// <summary>The current call has set the registers itself (rt_sigreturn, execve): no result goes into RAX.</summary>
    internal void KeepRegisters() => _keepResult = true;

    /// <summary>The current call, should a signal with a handler end it, is not issued again whatever SA_RESTART says.</summary>
    public void SuppressRestart() => _suppressRestart = true;

    /// <summary>What exec does to the thread besides its registers.</summary>
    internal void ResetForExec()
    {
        Futexes.LeaveRobustList(this);
        RobustList = 0;
        ClearChildTid = 0;
        AlternateStack.Clear();
        _temporaryMask = null;
        _wasInterrupted = false;
    }

    private void CallSystem()
    {
        CpuState* cpu = State;
        ulong number = cpu->Gpr[0];
        SyscallArgs args = new(cpu->Gpr[7], cpu->Gpr[6], cpu->Gpr[2], cpu->Gpr[10], cpu->Gpr[8], cpu->Gpr[9]);
        ref readonly SyscallRow row = ref Process.Syscalls.Find(number);
        bool known = !System.Runtime.CompilerServices.Unsafe.IsNullRef(in row);
        if (Process.Tracer is { } tracer)
        {
            TraceCall(tracer, number, in args, in row, known);
            return;
        }

        Finish(known ? row.Body(this, in args) : -Errno.ENOSYS, number, known ? row.Restart : SyscallRestart.Never);
    }

    private void TraceCall(SyscallTracer tracer, ulong number, in SyscallArgs args, in SyscallRow row, bool known)
    {
        tracer.Enter(this, number, in args, in row, known);
        long result = known ? row.Body(this, in args) : -Errno.ENOSYS;
        tracer.Exit(this, result, _keepResult);
        Finish(result, number, known ? row.Restart : SyscallRestart.Never);
    }

    private void Finish(long result, ulong number, SyscallRestart restart)
    {
        AfterKernelWrites();
        if (_keepResult)
        {
            _keepResult = false;
            return;
        }

        if (result is -Errno.EINTR or -Errno.ERESTARTSYS)
        {
            _wasInterrupted = true;
            _interrupted = _suppressRestart ? SyscallRestart.Never : restart;
            _interruptedNumber = number;
            result = -Errno.EINTR;
        }

        _suppressRestart = false;
        State->Gpr[0] = (ulong)result;
    }

    /// <summary>Makes the interrupted call be issued again.</summary>
    private void RestartCall()
    {
        State->Gpr[0] = _interruptedNumber;
        State->Rip -= SyscallInstructionSize;
        _wasInterrupted = false;
    }
}
