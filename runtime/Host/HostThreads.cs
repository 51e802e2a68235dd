namespace Jitvmm.Runtime.Host;

/// <summary>The host threads that run guest code, as the native stubs see them.</summary>
public static unsafe class HostThreads
{
    private static readonly Lock s_gate = new();

    [ThreadStatic]
    private static HostThread* t_current;

    /// <summary>The calling thread's record; null when it has not entered.</summary>
    public static HostThread* Current => t_current;

    /// <summary>Gives the calling thread a record. Idempotent.</summary>
    /// <exception cref="InvalidOperationException">There are already as many as there can be.</exception>
    public static HostThread* Enter()
    {
        if (t_current != null)
        {
            return t_current;
        }

        HostThread* thread = Claim();
        thread->Tid = (int)HostCalls.Raw(HostCalls.GetTid);
        t_current = thread;
        return thread;
    }

    /// <summary>Frees the calling thread's record.</summary>
    public static void Leave()
    {
        HostThread* thread = t_current;
        t_current = null;
        if (thread != null)
        {
            thread->ExitRequest = null;
            thread->Tid = 0;
        }
    }

    /// <summary>In the child of a fork, where only the caller exists: frees the other records.</summary>
    public static void KeepOnlyCurrent()
    {
        HostThread* current = t_current;
        for (int i = 0; i < *HostStubs.ThreadCount; i++)
        {
            HostThread* thread = HostStubs.Threads + i;
            if (thread != current)
            {
                thread->ExitRequest = null;
                thread->Tid = 0;
            }
        }

        if (current != null)
        {
            current->Tid = (int)HostCalls.Raw(HostCalls.GetTid);
        }
    }

    private static HostThread* Claim()
    {
        lock (s_gate)
        {
            int count = *HostStubs.ThreadCount;
            for (int i = 0; i < HostStubs.MaxThreads; i++)
            {
                HostThread* thread = HostStubs.Threads + i;
                if (thread->Tid == 0)
                {
                    *thread = default;
                    thread->Tid = -1;
                    if (i >= count)
                    {
                        *HostStubs.ThreadCount = i + 1;
                    }

                    return thread;
                }
            }
        }

        throw new InvalidOperationException("Too many guest threads.");
    }
}
