using Jitvmm.Linux.SystemV;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System V shared memory, semaphores and message queues, of this session only.</summary>
internal static unsafe class SystemVCalls
{
    private const int SharedMemorySize = 112;
    private const int SemaphoresSize = 104;
    private const int QueueSize = 120;
    private const int HugePages = 0x800;
    private const int MaxOperations = 500;
    private const int OperationSize = 6;
    private const int MaxSemaphores = 32000;
    private const int MaxMessage = 1 << 26;

    /// <summary>IPC_64, which libraries of other architectures add to the command.</summary>
    private const int CommandVersion = 0x100;
    private const int Remove = 0;
    private const int Set = 1;
    private const int Stat = 2;
    private const int Information = 3;
    private const int LockSegment = 11;
    private const int UnlockSegment = 12;
    private const int GetPid = 11;
    private const int GetValue = 12;
    private const int GetAll = 13;
    private const int GetIncreaseWaiters = 14;
    private const int GetZeroWaiters = 15;
    private const int SetValue = 16;
    private const int SetAll = 17;

    public static void Register(SyscallTable table)
    {
        table.Add(29, "shmget", "xux", &ShmGet);
        table.Add(30, "shmat", "dpx", &ShmAt);
        table.Add(31, "shmctl", "ddp", &ShmControl);
        table.Add(64, "semget", "xdx", &SemGet);
        table.Add(65, "semop", "dpu", &SemOperate);
        table.Add(66, "semctl", "dddx", &SemControl);
        table.Add(67, "shmdt", "p", &ShmDetach);
        table.Add(68, "msgget", "xx", &MsgGet);
        table.Add(69, "msgsnd", "dpux", &MsgSend);
        table.Add(70, "msgrcv", "dpudx", &MsgReceive);
        table.Add(71, "msgctl", "ddp", &MsgControl);
        table.Add(220, "semtimedop", "dpup", &SemOperateTimed);
    }

    private static long ShmGet(GuestThread thread, in SyscallArgs args) =>
        (args.Int2 & HugePages) != 0 ? -Errno.ENOMEM : Objects(thread).Get(ObjectKind.SharedMemory, args.Int0, args.A1, args.Int2);

    private static long SemGet(GuestThread thread, in SyscallArgs args) =>
        args.Int1 < 0 ? -Errno.EINVAL : Objects(thread).Get(ObjectKind.Semaphores, args.Int0, (uint)args.Int1, args.Int2);

    private static long MsgGet(GuestThread thread, in SyscallArgs args) => Objects(thread).Get(ObjectKind.Queue, args.Int0, 0, args.Int1);

    private static long ShmAt(GuestThread thread, in SyscallArgs args)
    {
        if (!Objects(thread).Contains(ObjectKind.SharedMemory, args.Int0, out int key))
        {
            return -Errno.EINVAL;
        }

        thread.Process.Engine.ShareMemory();
        return thread.Process.Map.Attach(args.Int0, key, SessionObjects.SizeOf(ObjectKind.SharedMemory, args.Int0), args.A1, args.Int2);
    }

    private static long ShmDetach(GuestThread thread, in SyscallArgs args) => thread.Process.Map.Detach(args.A0);

    private static long ShmControl(GuestThread thread, in SyscallArgs args)
    {
        int command = args.Int1 & ~CommandVersion;
        return command is LockSegment or UnlockSegment && Objects(thread).Contains(ObjectKind.SharedMemory, args.Int0, out _)
            ? SessionObjects.Control(ObjectKind.SharedMemory, args.Int0, command, 0)
            : Control(thread, ObjectKind.SharedMemory, args.Int0, command, args.A2, SharedMemorySize);
    }

    private static long MsgControl(GuestThread thread, in SyscallArgs args) =>
        Control(thread, ObjectKind.Queue, args.Int0, args.Int1 & ~CommandVersion, args.A2, QueueSize);

    private static long SemControl(GuestThread thread, in SyscallArgs args)
    {
        int id = args.Int0;
        int command = args.Int2 & ~CommandVersion;
        switch (command)
        {
            case GetPid or GetValue or GetIncreaseWaiters or GetZeroWaiters or SetValue:
                return Objects(thread).Contains(ObjectKind.Semaphores, id, out _)
                    ? HostSyscall.Raw(66, (ulong)id, args.A1, (ulong)command, command == SetValue ? (ulong)args.Int3 : 0)
                    : -Errno.EINVAL;
            case GetAll or SetAll:
                return ControlAll(thread, id, command, args.A3);
            default:
                return Control(thread, ObjectKind.Semaphores, id, command, args.A3, SemaphoresSize);
        }
    }

    /// <summary>What the three have in common. Of limits and totals of the host only the limits are told (IPC_INFO).</summary>
    private static long Control(GuestThread thread, ObjectKind kind, int id, int command, ulong address, int size)
    {
        byte* buffer = stackalloc byte[SessionObjects.MaxStatSize];
        Span<byte> bytes = new(buffer, SessionObjects.MaxStatSize);
        bytes.Clear();
        if (command == Information)
        {
            int limits = kind switch { ObjectKind.SharedMemory => 72, ObjectKind.Semaphores => 40, _ => 32 };
            long error = SessionObjects.Control(kind, 0, Information, (ulong)buffer);
            return error < 0 ? error : thread.TryWriteBytes(address, bytes[..limits]) ? 0 : -Errno.EFAULT;
        }

        if (!Objects(thread).Contains(kind, id, out int key))
        {
            return -Errno.EINVAL;
        }

        switch (command)
        {
            case Remove:
                return Objects(thread).Remove(kind, id);
            case Set:
                return thread.TryReadBytes(address, bytes[..size]) ? SessionObjects.Control(kind, id, Set, (ulong)buffer) : -Errno.EFAULT;
            case Stat:
                long result = SessionObjects.Control(kind, id, Stat, (ulong)buffer);
                if (result < 0)
                {
                    return result;
                }

                // The host's object has no key.
                *(int*)buffer = key;
                return thread.TryWriteBytes(address, bytes[..size]) ? result : -Errno.EFAULT;
            default:
                return -Errno.EINVAL;
        }
    }

    private static long ControlAll(GuestThread thread, int id, int command, ulong address)
    {
        if (!Objects(thread).Contains(ObjectKind.Semaphores, id, out _))
        {
            return -Errno.EINVAL;
        }

        byte[] values = new byte[2 * Math.Min(SessionObjects.SizeOf(ObjectKind.Semaphores, id), MaxSemaphores)];
        if (values.Length == 0)
        {
            return -Errno.EIDRM;
        }

        if (command == SetAll && !thread.TryReadBytes(address, values))
        {
            return -Errno.EFAULT;
        }

        long result;
        fixed (byte* buffer = values)
        {
            result = SessionObjects.Control(ObjectKind.Semaphores, id, command, (ulong)buffer);
        }

        return result < 0 || command == SetAll || thread.TryWriteBytes(address, values) ? result : -Errno.EFAULT;
    }

    private static long SemOperate(GuestThread thread, in SyscallArgs args) => Operate(thread, in args, 0);

    private static long SemOperateTimed(GuestThread thread, in SyscallArgs args) => Operate(thread, in args, args.A3);

    private static long Operate(GuestThread thread, in SyscallArgs args, ulong timeoutAddress)
    {
        if (!Objects(thread).Contains(ObjectKind.Semaphores, args.Int0, out _))
        {
            return -Errno.EINVAL;
        }

        if (args.A2 is 0 or > MaxOperations)
        {
            return args.A2 == 0 ? -Errno.EINVAL : -Errno.E2BIG;
        }

        byte* operations = stackalloc byte[MaxOperations * OperationSize];
        long* timeout = stackalloc long[2];
        if (!thread.TryReadBytes(args.A1, new Span<byte>(operations, (int)args.A2 * OperationSize))
            || (timeoutAddress != 0 && !thread.TryReadBytes(timeoutAddress, new Span<byte>(timeout, 2 * sizeof(long)))))
        {
            return -Errno.EFAULT;
        }

        return HostSyscall.Blocking(thread, 220, args.A0, (ulong)operations, args.A2, timeoutAddress == 0 ? 0 : (ulong)timeout);
    }

    private static long MsgSend(GuestThread thread, in SyscallArgs args) =>
        !Objects(thread).Contains(ObjectKind.Queue, args.Int0, out _) || args.A2 > MaxMessage
            ? -Errno.EINVAL
            : HostSyscall.Blocking(thread, 69, args.A0, thread.HostPointer(args.A1, args.A2 + sizeof(long)), args.A2, args.A3);

    private static long MsgReceive(GuestThread thread, in SyscallArgs args)
    {
        if (!Objects(thread).Contains(ObjectKind.Queue, args.Int0, out _) || args.A2 > MaxMessage)
        {
            return -Errno.EINVAL;
        }

        thread.BeforeKernelWrite(args.A1, args.A2 + sizeof(long));
        return HostSyscall.Blocking(thread, 70, args.A0, thread.HostPointer(args.A1, args.A2 + sizeof(long)), args.A2, args.A3, args.A4);
    }

    private static SessionObjects Objects(GuestThread thread) => thread.Process.Session.Objects;
}
