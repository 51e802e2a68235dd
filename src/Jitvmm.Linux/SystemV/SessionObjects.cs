using System.Runtime.InteropServices;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux.SystemV;

/// <summary>
/// The System V objects (sysvipc(7)) of one session, in memory its processes share. Each is a private object of the host,
/// without a key there: the guest's keys mean something in this table only, and identifiers that are not in it do not exist
/// for the guest.
/// </summary>
public sealed unsafe class SessionObjects
{
    internal const int Create = 0x200;
    internal const int Exclusive = 0x400;
    internal const int PrivateKey = 0;
    internal const int RemoveCommand = 0;
    internal const int StatCommand = 2;

    /// <summary>Room for struct shmid64_ds, semid64_ds and msqid64_ds.</summary>
    internal const int MaxStatSize = 128;

    private const int Slots = 1024;
    private const int Permissions = 0x1ff;
    private const int RoundsBetweenChecks = 256;
    private const long SysKill = 62;
    private const long SysGetPid = 39;

    private readonly Table* _table;

    internal SessionObjects()
    {
        long address = HostCalls.Raw(9, 0, (ulong)sizeof(Table) + Slots * (ulong)sizeof(Entry), 3, 0x21, ulong.MaxValue);
        if (address is < 0 and > -4096)
        {
            throw new InsufficientMemoryException("The host refused memory for the table of System V objects.");
        }

        _table = (Table*)address;
    }

    private Entry* Entries => (Entry*)(_table + 1);

    /// <summary>shmget, semget and msgget: the identifier of a key, whose object is made when there is none and the flags say so.</summary>
    /// <param name="kind">What is asked for.</param>
    /// <param name="key">The guest's key.</param>
    /// <param name="size">Bytes or semaphores; ignored for queues.</param>
    /// <param name="flags">Permissions, IPC_CREAT, IPC_EXCL.</param>
    internal long Get(ObjectKind kind, int key, ulong size, int flags)
    {
        Enter();
        try
        {
            Entry* entry = key == PrivateKey ? null : Find(kind, key);
            if (entry != null)
            {
                if ((flags & (Create | Exclusive)) == (Create | Exclusive))
                {
                    return -Errno.EEXIST;
                }

                return size > SizeOf(kind, entry->Id) ? -Errno.EINVAL : entry->Id;
            }

            return key != PrivateKey && (flags & Create) == 0 ? -Errno.ENOENT : Make(kind, key, size, flags);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Whether an identifier is one of this session's; its key.</summary>
    internal bool Contains(ObjectKind kind, int id, out int key)
    {
        for (int i = 0; i < Slots; i++)
        {
            if (Entries[i].Kind == kind && Entries[i].Id == id)
            {
                key = Entries[i].Key;
                return true;
            }
        }

        key = 0;
        return false;
    }

    /// <summary>IPC_RMID.</summary>
    internal long Remove(ObjectKind kind, int id)
    {
        Enter();
        try
        {
            for (int i = 0; i < Slots; i++)
            {
                if (Entries[i].Kind == kind && Entries[i].Id == id)
                {
                    long result = Control(kind, id, RemoveCommand, 0);
                    Entries[i].Kind = result == 0 ? ObjectKind.None : kind;
                    return result;
                }
            }

            return -Errno.EINVAL;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>At the end of the session: the host would keep them.</summary>
    internal void RemoveAll()
    {
        for (int i = 0; i < Slots && Volatile.Read(ref _table->Made) != 0; i++)
        {
            if (Entries[i].Kind != ObjectKind.None)
            {
                _ = Control(Entries[i].Kind, Entries[i].Id, RemoveCommand, 0);
                Entries[i].Kind = ObjectKind.None;
            }
        }
    }

    /// <summary>shmctl, semctl or msgctl on the host.</summary>
    internal static long Control(ObjectKind kind, int id, int command, ulong argument) => kind switch
    {
        ObjectKind.SharedMemory => HostCalls.Raw(31, (ulong)id, (ulong)command, argument),
        ObjectKind.Semaphores => HostCalls.Raw(66, (ulong)id, 0, (ulong)command, argument),
        _ => HostCalls.Raw(71, (ulong)id, (ulong)command, argument),
    };

    /// <summary>Bytes of a segment, semaphores of a set; all ones for a queue, 0 for what is not there.</summary>
    internal static ulong SizeOf(ObjectKind kind, int id)
    {
        ulong* stat = stackalloc ulong[MaxStatSize / sizeof(ulong)];
        if (kind == ObjectKind.Queue)
        {
            return ulong.MaxValue;
        }

        // shm_segsz and sem_nsems.
        return Control(kind, id, StatCommand, (ulong)stat) < 0 ? 0 : stat[kind == ObjectKind.SharedMemory ? 6 : 10];
    }

    private Entry* Find(ObjectKind kind, int key)
    {
        ulong* stat = stackalloc ulong[MaxStatSize / sizeof(ulong)];
        for (int i = 0; i < Slots; i++)
        {
            if (Entries[i].Kind != kind || Entries[i].Key != key)
            {
                continue;
            }

            if (Control(kind, Entries[i].Id, StatCommand, (ulong)stat) is not (-Errno.EINVAL or -Errno.EIDRM))
            {
                return Entries + i;
            }

            // Somebody on the host removed it.
            Entries[i].Kind = ObjectKind.None;
        }

        return null;
    }

    private long Make(ObjectKind kind, int key, ulong size, int flags)
    {
        Entry* free = null;
        for (int i = 0; i < Slots && free == null; i++)
        {
            free = Entries[i].Kind == ObjectKind.None ? Entries + i : null;
        }

        if (free == null)
        {
            return -Errno.ENOSPC;
        }

        ulong hostFlags = (ulong)((flags & Permissions) | Create | Exclusive);
        long id = kind switch
        {
            ObjectKind.SharedMemory => HostCalls.Raw(29, PrivateKey, size, hostFlags),
            ObjectKind.Semaphores => HostCalls.Raw(64, PrivateKey, size, hostFlags),
            _ => HostCalls.Raw(68, PrivateKey, hostFlags),
        };
        if (id >= 0)
        {
            free->Id = (int)id;
            free->Key = key;
            Volatile.Write(ref *(int*)&free->Kind, (int)kind);
            _table->Made = 1;
        }

        return id;
    }

    private void Enter()
    {
        int self = (int)HostCalls.Raw(SysGetPid);
        for (int round = 1; ; round++)
        {
            int owner = Interlocked.CompareExchange(ref _table->Owner, self, 0);
            if (owner == 0)
            {
                return;
            }

            if (round % RoundsBetweenChecks == 0 && HostCalls.Raw(SysKill, (ulong)owner, 0) == -Errno.ESRCH)
            {
                // It was killed inside; the table is consistent after each store.
                Interlocked.CompareExchange(ref _table->Owner, 0, owner);
            }

            Thread.Yield();
        }
    }

    private void Leave() => Volatile.Write(ref _table->Owner, 0);

    [StructLayout(LayoutKind.Sequential)]
    private struct Table
    {
        public int Owner;
        public int Made;
        public long Unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public ObjectKind Kind;
        public int Key;
        public int Id;
        public int Unused;
    }
}
