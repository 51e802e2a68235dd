using Jitvmm.Linux.Files;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <content>New processes.</content>
public sealed unsafe partial class LinuxProcess
{
    private GuestThread? _forkingThread;
    private int _sessionIndex;

    /// <summary>Called in the child of a fork while it is single-threaded.</summary>
    internal Action? ForkedChild { get; set; }

    /// <summary>Called in the child of a fork, about to go on with its guest.</summary>
    public Action? Forked { get; set; }

    /// <summary>fork, vfork and clone without CLONE_THREAD; the child's id, 0 in the child, or a negated error.</summary>
    internal long Fork(GuestThread thread, in CloneArguments clone)
    {
        int index = Session.Reserve();
        if (index < 0)
        {
            return index;
        }

        // With shared memory (vfork, posix_spawn) the parent waits, and gets what the child wrote.
        bool waits = (clone.Flags & (CloneFlags.Vfork | CloneFlags.Memory)) != 0;
        ulong parentTid = (clone.Flags & CloneFlags.ParentSetTid) != 0 ? clone.ParentTid : 0;
        bool alone = ThreadCount == 1;
        StopWorld(thread);

        // No other thread may fork while both ends are open here: its child would keep the channel alive.
        VforkChannel? channel = waits ? VforkChannel.Create() : null;
        _forkingThread = thread;
        int previousIndex = _sessionIndex;
        Session.SetArguments(index, Program?.Arguments ?? default);
        _sessionIndex = index;
        Engine.BeginFork();
        int pid = HostFork.Fork(clone.ExitSignal, &BecomeChild, this);
        Engine.EndFork(pid == 0 ? thread.Cpu : null);
        if (pid == 0)
        {
            StartChild(thread, in clone, channel, alone);
            return 0;
        }

        _sessionIndex = previousIndex;
        channel?.BecomeParent();
        StartWorld();
        if (pid < 0)
        {
            Session.Release(index);
            channel?.Dispose();
            return pid;
        }

        Session.Fill(index, pid);
        if (parentTid != 0)
        {
            thread.TryWrite(parentTid, pid);
        }

        if ((clone.Flags & CloneFlags.PidFd) != 0)
        {
            InstallPidFd(thread, pid, clone.PidFd);
        }

        channel?.WaitForChild(thread, (clone.Flags & CloneFlags.Memory) != 0);
        return pid;
    }

    private static void BecomeChild(LinuxProcess process)
    {
        GuestThread thread = process._forkingThread!;
        process.Pid = (int)HostCalls.Raw(39);
        process.IsTopLevel = false;
        process.Session.Fill(process._sessionIndex, process.Pid);
        process._threads.Clear();
        process._threads.Add(thread);
        process._leaving.Clear();
        process._mainThread = thread;
        process._mainExitStatus = 0;
        thread.BecomeForked();
        process.Timers.Forget();
        thread.Host->Pending = 0;
        thread.Host->QueueHead = thread.Host->QueueTail;
        process.LeaveReports();
        process.ForkedChild?.Invoke();
    }

    private void StartChild(GuestThread thread, in CloneArguments clone, VforkChannel? channel, bool alone)
    {
        _vforkChannel?.Dispose();
        _vforkChannel = channel;
        channel?.BecomeChild(thread.State->Gpr[4], alone, (clone.Flags & CloneFlags.Memory) != 0);
        CpuState* cpu = thread.State;
        if (clone.Stack != 0)
        {
            cpu->Gpr[4] = clone.Stack;
        }

        if ((clone.Flags & CloneFlags.SetTls) != 0)
        {
            cpu->FsBase = clone.Tls;
        }

        if ((clone.Flags & CloneFlags.ClearSignalHandlers) != 0)
        {
            Dispositions.ResetHandlers();
        }

        if ((clone.Flags & CloneFlags.ChildSetTid) != 0)
        {
            thread.TryWrite(clone.ChildTid, thread.Tid);
        }

        thread.RobustList = 0;
        thread.ForgetSignals();
        thread.ClearChildTid = (clone.Flags & CloneFlags.ChildClearTid) != 0 ? clone.ChildTid : 0;
        if ((clone.Flags & (CloneFlags.Memory | CloneFlags.Vfork)) == CloneFlags.Memory)
        {
            thread.AlternateStack.Clear();
        }

        Forked?.Invoke();
    }

    private void InstallPidFd(GuestThread thread, int pid, ulong address)
    {
        long hostFd = HostCalls.Raw(434, (ulong)pid);
        if (hostFd >= 0)
        {
            int fd = Files.Table.Install(new OpenFile((int)hostFd, FileKind.Anonymous), closeOnExec: true);
            thread.TryWrite(address, fd);
        }
    }
}
