using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <content>
/// Signals. The host's mask of this thread mirrors the guest's, so the host kernel decides which thread gets
/// a signal and when; the native handler records it, and <see cref="Attend"/> builds the handler's frame at
/// the next safepoint. Signals CoreCLR needs are never blocked on the host: those wait in a queue here.
/// </content>
public sealed unsafe partial class GuestThread
{
    private const long SysSetMask = 14;
    private const ulong NeverBlocked = 1ul << (Signal.SIGKILL - 1) | 1ul << (Signal.SIGSTOP - 1);

    /// <summary>Made for the first signal: .NET compiles this kind of list at run time, and most programs need none.</summary>
    private List<SignalInfo>? _waiting;

    private ulong _hostMask = ulong.MaxValue;
    private ulong? _temporaryMask;

    /// <summary>The guest's signal mask.</summary>
    public ulong SignalMask { get; private set; }

    internal AlternateStack AlternateStack { get; } = new();

    /// <summary>Signals in the guest's view pending for this thread, beyond those the host keeps.</summary>
    internal ulong WaitingSignals
    {
        get
        {
            TakeQueue();
            ulong set = 0;
            for (int i = 0; i < _waiting?.Count; i++)
            {
                set |= Signal.Bit(_waiting[i].Signal);
            }

            return set;
        }
    }

    /// <summary>Changes the mask, on the host too.</summary>
    internal void SetMask(ulong mask)
    {
        SignalMask = mask & ~NeverBlocked;
        SetHostMask(SignalMask);
        AttendWaiting(SignalMask);
    }

    /// <summary>
    /// Says that the current system call waits with another mask (sigsuspend, ppoll, pselect, epoll_pwait): the
    /// handler of the signal that ends it runs with that mask, and the old one comes back. Returns the mask to
    /// give to the host.
    /// </summary>
    public ulong UseTemporaryMask(ulong mask)
    {
        _temporaryMask = mask & ~NeverBlocked;

        AttendWaiting(mask);
        return mask & HostSignals.Mirrored;
    }

    /// <summary>Removes and returns the first signal of <paramref name="set"/> that waits here (not on the host).</summary>
    internal bool TryTakeWaiting(ulong set, out SignalInfo info)
    {
        TakeQueue();
        for (int i = 0; i < _waiting?.Count; i++)
        {
            if ((set & Signal.Bit(_waiting[i].Signal)) != 0)
            {
                info = _waiting[i];
                _waiting.RemoveAt(i);
                return true;
            }
        }

        info = default;
        return false;
    }

    /// <summary>Runs what waits for this thread at a safepoint: forks by others, the process's end, signals.</summary>
    internal void Attend()
    {
        bool delivered = false;
        do
        {
            // A full barrier: what others set before they set the request is read after it is cleared.
            Interlocked.Exchange(ref *ExitRequest, 0);
            Host->Interrupt = 0;
            Host->Kicked = 0;
            if (Volatile.Read(ref HostCalls.Gate) != 0)
            {
                HostCalls.WaitAtGate(Host);
            }

            if (Process.AttendEnd(this))
            {
                return;
            }

            delivered |= DeliverSignals();
        }
        while (State->ExitRequest != 0 || Host->Interrupt != 0);

        _temporaryMask = null;
        if (_wasInterrupted && !delivered)
        {
            RestartCall();
        }

        _wasInterrupted = false;
        if (_hostMask != (SignalMask & HostSignals.Mirrored))
        {
            SetHostMask(SignalMask);
            if (Host->Interrupt != 0)
            {
                Attend();
            }
        }
    }

    /// <summary>In the child of a fork: pending signals stay with the parent.</summary>
    internal void ForgetSignals()
    {
        _waiting?.Clear();
        _wasInterrupted = false;
    }

    /// <summary>Turns an exception of guest code into the signal Linux raises for it.</summary>
    private void RaiseException(in CpuException exception)
    {
        SignalInfo info = ExceptionSignals.InfoOf(in exception, State, out SignalFault fault);
        if (info.Signal == Signal.SIGSEGV && exception.Vector == ExceptionVector.PageFault)
        {
            // The host has something mapped everywhere in the window; only the guest's map tells the two codes apart.
            info.Code = Process.Map.Find(exception.Address) == null ? ExceptionSignals.NotMapped : ExceptionSignals.NoAccess;
        }

        Force(info, fault);
    }

    /// <summary>Delivers a signal that cannot wait: masked or ignored, it kills.</summary>
    internal void Force(SignalInfo info, SignalFault fault)
    {
        SignalAction action = Process.Dispositions[info.Signal];
        bool blocked = (SignalMask & Signal.Bit(info.Signal)) != 0;
        if (blocked || !action.IsHandled)
        {
            Process.DieOf(this, info, fault);
            return;
        }

        Enter(action, info, fault);
    }

    /// <summary>Makes the thread attend to signals that wait here and that a mask lets through.</summary>
    private void AttendWaiting(ulong mask)
    {
        TakeQueue();
        for (int i = 0; i < _waiting?.Count; i++)
        {
            if ((mask & Signal.Bit(_waiting[i].Signal)) == 0)
            {
                Host->Interrupt = 1;
            }
        }
    }

    private void SetHostMask(ulong mask)
    {
        mask &= HostSignals.Mirrored;
        if (_hostMask != mask)
        {
            _hostMask = mask;
            _ = HostCalls.Raw(SysSetMask, 2, (ulong)&mask, 0, 8);
        }
    }

    /// <summary>Delivers every deliverable signal; true when a handler was entered.</summary>
    private bool DeliverSignals()
    {
        bool delivered = false;
        ulong mask = _temporaryMask ?? SignalMask;
        while (TryTakeWaiting(~mask, out SignalInfo info))
        {
            delivered |= Deliver(info);
            mask = _temporaryMask ?? SignalMask;
        }

        while (Host->Pending != 0)
        {
            SignalInfo info = *(SignalInfo*)Host->Info;
            info.Signal = Host->Pending;
            Host->Pending = 0;

            // The native handler left everything blocked on the host.
            _hostMask = HostSignals.Mirrored;
            if (((_temporaryMask ?? SignalMask) & Signal.Bit(info.Signal)) != 0)
            {
                Repost(info);
            }
            else
            {
                delivered |= Deliver(info);
            }

            if (_temporaryMask == null)
            {
                SetHostMask(SignalMask);
            }
        }

        return delivered;
    }

    private bool Deliver(SignalInfo info)
    {
        if (info.Signal == HostSignals.ClrSignal && info.Value == HostSignals.DirectedValue)
        {
            info.Value = 0;
        }

        SignalAction action = Process.Dispositions[info.Signal];
        if (action.IsHandled)
        {
            Process.Tracer?.Signal(this, info);
            Enter(action, info, default);
            return true;
        }

        if (action.Handler == SignalAction.Ignore || Signal.IsIgnoredByDefault(info.Signal))
        {
            return false;
        }

        if ((Signal.Bit(info.Signal) & HostSignals.Mirrored) == 0)
        {
            Process.DieOf(this, info, default);
            return false;
        }

        // The disposition changed after it was recorded: the host kernel does the default action.
        ulong bit = Signal.Bit(info.Signal);
        Repost(info);
        SetHostMask(HostSignals.Mirrored & ~bit);
        SetHostMask(HostSignals.Mirrored);
        return false;
    }

    private void Enter(in SignalAction action, SignalInfo info, SignalFault fault)
    {
        if (_wasInterrupted)
        {
            _wasInterrupted = false;
            if ((action.Flags & SignalAction.Restart) != 0 && _interrupted == SyscallRestart.WithRestartFlag)
            {
                RestartCall();
            }
        }

        if (!SignalFrame.Push(this, in action, in info, SignalMask, in fault))
        {
            // As the kernel: no stack for the handler is a segmentation fault that cannot be handled.
            SignalInfo segv = new() { Signal = Signal.SIGSEGV, Code = SignalInfo.Kernel };
            if (info.Signal == Signal.SIGSEGV)
            {
                Process.Dispositions.Reset(Signal.SIGSEGV);
            }

            Force(segv, default);
            return;
        }

        if ((action.Flags & SignalAction.ResetHandler) != 0)
        {
            Process.Dispositions.Reset(info.Signal);
        }

        ulong mask = (_temporaryMask ?? SignalMask) | action.Mask;
        if ((action.Flags & SignalAction.NoDefer) == 0)
        {
            mask |= Signal.Bit(info.Signal);
        }

        _temporaryMask = null;
        SetMask(mask);
    }

    private void Repost(SignalInfo info) =>
        _ = HostCalls.Raw(297, (ulong)Process.Pid, (ulong)Tid, (ulong)info.Signal, (ulong)&info);

    /// <summary>Moves what the native handler queued to where the thread can take from the middle.</summary>
    private void TakeQueue()
    {
        while (Host->QueueHead != Host->QueueTail)
        {
            int slot = Host->QueueHead & (HostThread.QueueSlots - 1);
            SignalInfo info = ((SignalInfo*)Host->Queue)[slot];
            Host->QueueHead++;
            _waiting ??= [];
            if (info.Signal == HostSignals.ClrSignal || !_waiting.Exists(other => other.Signal == info.Signal))
            {
                _waiting.Add(info);
            }
        }
    }
}
