using System.Diagnostics.CodeAnalysis;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <content>Threads: their start and end, and stopping them all for a fork or an exec.</content>
public sealed unsafe partial class LinuxProcess
{
    /// <summary>Host stack of a guest thread: the engine does not recurse with the guest.</summary>
    private const int HostStackSize = 512 << 10;

    private const long SysFutex = 202;
    private const long SysNanosleep = 35;
    private const long SysPause = 34;
    private const long SysTgkill = 234;
    private const int FutexWake = 1;

    private readonly Lock _threadGate = new();
    private readonly List<GuestThread> _threads = [];

    // Host threads that are done with guest code and on their way out, until the host says they are gone.
    private readonly List<int> _leaving = [];

    private GuestThread? _mainThread;
    private volatile PreparedExec? _pendingExec;
    private int _mainExitStatus;

    /// <summary>The guest's thread ids in ascending order.</summary>
    public int[] ThreadIds
    {
        get
        {
            lock (_threadGate)
            {
                List<int> ids = new(_threads.Count);
                foreach (GuestThread thread in _threads)
                {
                    if (thread.HasStarted)
                    {
                        ids.Add(thread.Tid);
                    }
                }

                ids.Sort();
                return [.. ids];
            }
        }
    }

    internal int ThreadCount
    {
        get
        {
            lock (_threadGate)
            {
                return _threads.Count;
            }
        }
    }

    /// <summary>Whether a thread id is one of this process's guest threads.</summary>
    internal GuestThread? FindThread(int tid)
    {
        lock (_threadGate)
        {
            return _threads.Find(thread => thread.HasStarted && thread.Tid == tid);
        }
    }

    /// <summary>Starts a guest thread; its id, or a negated error.</summary>
    internal long CreateThread(GuestThread parent, in CloneArguments clone)
    {
        if (!Session.TryAddThread(_sessionIndex))
        {
            return -Errno.EAGAIN;
        }

        Engine.ShareMemory();
        GuestThread child = new(this);
        CpuState* cpu = child.State;
        child.CopyRegisters(parent);
        cpu->Gpr[0] = 0;
        cpu->Gpr[4] = clone.Stack != 0 ? clone.Stack : cpu->Gpr[4];
        if ((clone.Flags & CloneFlags.SetTls) != 0)
        {
            cpu->FsBase = clone.Tls;
        }

        child.ClearChildTid = (clone.Flags & CloneFlags.ChildClearTid) != 0 ? clone.ChildTid : 0;
        CloneArguments request = clone;
        ulong mask = parent.SignalMask;
        ManualResetEventSlim started = new();
        Thread host = new(() => RunThread(child, request, mask, started), HostStackSize) { IsBackground = true };
        lock (_threadGate)
        {
            _threads.Add(child);
        }

        try
        {
            host.Start();
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            lock (_threadGate)
            {
                _threads.Remove(child);
            }

            Session.RemoveThread(_sessionIndex);
            child.Cpu.Dispose();
            return -Errno.EAGAIN;
        }

        started.Wait();
        return child.Tid;
    }

    /// <summary>What the thread's own exit call does; the thread's run loop then returns.</summary>
    internal void EndThread(GuestThread thread, int status)
    {
        Futexes.LeaveRobustList(thread);
        thread.RobustList = 0;
        if (thread.ClearChildTid != 0)
        {
            if (thread.TryWrite(thread.ClearChildTid, 0))
            {
                _ = HostCalls.Raw(SysFutex, thread.HostPointer(thread.ClearChildTid), FutexWake, 1);
            }

            thread.ClearChildTid = 0;
        }

        bool last;
        lock (_threadGate)
        {
            last = Detach(thread) == 0;
        }

        if (thread == _mainThread)
        {
            _mainExitStatus = status;
        }

        if (last)
        {
            Exit(_mainExitStatus);
        }

        thread.End();
    }

    /// <summary>At a safepoint: ends the thread, or makes it execute another thread's exec, when the process does so. True when the thread must not go on.</summary>
    internal bool AttendEnd(GuestThread thread)
    {
        PreparedExec? exec = _pendingExec;
        if (exec == null || exec.Caller == thread)
        {
            return false;
        }

        if (thread == _mainThread)
        {
            WaitForOthers(thread);
            TakeOverExec(thread, exec);
            return false;
        }

        lock (_threadGate)
        {
            Detach(thread);
        }

        thread.End();
        return true;
    }

    /// <summary>The main thread's host thread is the process's: it stays until the process ends, whatever its guest thread did.</summary>
    [DoesNotReturn]
    internal void RunMain(GuestThread thread)
    {
        for (; ; )
        {
            thread.Run();
            thread.Revive();
            while (_pendingExec == null)
            {
                ulong all = ulong.MaxValue;
                _ = HostCalls.Raw(14, 2, (ulong)&all, 0, 8);
                thread.Host->Interrupt = 0;
                if (_pendingExec == null)
                {
                    _ = HostCalls.Blocking(thread.Host, SysPause);
                    ForwardSignals(thread);
                }
            }

            lock (_threadGate)
            {
                _threads.Add(thread);
            }
        }
    }

    /// <summary>Takes a thread that ends off the list; how many are left. The caller holds the gate.</summary>
    private int Detach(GuestThread thread)
    {
        _threads.Remove(thread);
        if (thread != _mainThread)
        {
            _leaving.Add(thread.Tid);
        }

        return _threads.Count;
    }

    /// <summary>Stops every other guest thread at a safepoint or in the host kernel. Undone by <see cref="StartWorld"/>.</summary>
    private void StopWorld(GuestThread self)
    {
        ref int gate = ref HostCalls.Gate;
        while (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
        {
            HostCalls.WaitAtGate(self.Host);
        }

        for (int round = 0; ; round++)
        {
            if (AllStopped(self))
            {
                return;
            }

            Pause(round);
        }
    }

    private static void StartWorld()
    {
        Volatile.Write(ref HostCalls.Gate, 0);
        fixed (int* gate = &HostCalls.Gate)
        {
            _ = HostCalls.Raw(SysFutex, (ulong)gate, FutexWake | 128, int.MaxValue);
        }
    }

    private bool AllStopped(GuestThread self)
    {
        lock (_threadGate)
        {
            foreach (GuestThread thread in _threads)
            {
                if (thread == self)
                {
                    continue;
                }

                thread.State->ExitRequest = 1;
                if (!thread.HasStarted || thread.Host->InNative == 0)
                {
                    return false;
                }
            }

            for (int i = _leaving.Count - 1; i >= 0; i--)
            {
                if (HostCalls.Raw(SysTgkill, (ulong)Pid, (ulong)_leaving[i], 0) == -Errno.ESRCH)
                {
                    _leaving.RemoveAt(i);
                }
            }

            return _leaving.Count == 0;
        }
    }

    /// <summary>Ends every thread but <paramref name="self"/>, and waits until they are gone.</summary>
    private void WaitForOthers(GuestThread self)
    {
        for (int round = 0; ; round++)
        {
            lock (_threadGate)
            {
                bool alone = true;
                foreach (GuestThread thread in _threads)
                {
                    if (thread != self)
                    {
                        alone = false;
                        thread.State->ExitRequest = 1;
                        if (thread.HasStarted)
                        {
                            HostSignals.Kick(thread.Tid);
                        }
                    }
                }

                if (alone)
                {
                    return;
                }
            }

            Pause(round);
        }
    }

    private static void Pause(int round)
    {
        if (round < 20)
        {
            Thread.Yield();
            return;
        }

        long* time = stackalloc long[2] { 0, 50_000 };
        _ = HostCalls.Raw(SysNanosleep, (ulong)time);
    }

    private void RunThread(GuestThread thread, in CloneArguments clone, ulong mask, ManualResetEventSlim started)
    {
        thread.Enter();
        if ((clone.Flags & CloneFlags.ChildSetTid) != 0)
        {
            thread.TryWrite(clone.ChildTid, thread.Tid);
        }

        if ((clone.Flags & CloneFlags.ParentSetTid) != 0)
        {
            thread.TryWrite(clone.ParentTid, thread.Tid);
        }

        thread.SetMask(mask);
        started.Set();
        thread.Run();
        thread.Leave();
        thread.Cpu.Dispose();
        Session.RemoveThread(_sessionIndex);
    }

    /// <summary>Signals CoreCLR's way of sharing leaves with a main thread that has ended go to one that has not.</summary>
    private void ForwardSignals(GuestThread main)
    {
        while (main.TryTakeWaiting(ulong.MaxValue, out Signals.SignalInfo info))
        {
            int[] ids = ThreadIds;
            if (ids.Length > 0)
            {
                _ = HostCalls.Raw(297, (ulong)Pid, (ulong)ids[0], (ulong)info.Signal, (ulong)&info);
            }
        }
    }
}
