using System.Diagnostics;
using Jitvmm.Inspector.Files;
using Jitvmm.Runtime.Host;
using Microsoft.Win32.SafeHandles;

namespace Jitvmm.Inspector.Live;

/// <summary>
/// Lets the user's other processes ask a running guest what was recorded of it (decision 0502).
/// </summary>
/// <remarks>
/// One thread serves all connections and never waits for one of them; nothing is held while it sends. It sleeps in stubs and stops at the fork gate, as the region compiler does (decision 0140).
/// A fork's child has neither thread nor sockets, until it starts its own.
/// </remarks>
public sealed unsafe class AttachServer : IDisposable
{
    /// <summary>Connections at once. Who comes beyond is sent away.</summary>
    internal const int MostConnections = 8;

    /// <summary>How long a connection may ask nothing.</summary>
    private const int PatienceMs = 60_000;

    /// <summary>Whoever asks without end gets the guest's locks for this part of the time at most: one in so many.</summary>
    private const int ShareOfTime = 5;

    private const long SysGetPid = 39;

    /// <summary>1 while a server of this process listens: a process has one socket.</summary>
    private static int s_listening;

    private readonly Func<CacheFileWriter> _describe;
    private readonly List<AttachConnection> _connections = [];
    private readonly HostSocket.Watch[] _watches = new HostSocket.Watch[MostConnections + 2];
    private string _path = "";
    private int _listener = -1;
    private int _wakeUp = -1;
    private long _nextSnapshot;
    private Thread? _thread;

    /// <summary>The thread's record (a <see cref="HostThread"/>); 0 until it runs.</summary>
    private nint _worker;
    private volatile bool _stop;

    /// <param name="describe">What was recorded so far. Called on the server's thread.</param>
    public AttachServer(Func<CacheFileWriter> describe)
    {
        _describe = describe;
        HostFork.Before += AwaitStopped;
        HostFork.InChild += ForgetAfterFork;
    }

    /// <summary>Makes the calling process's socket and serves it.</summary>
    /// <returns>Why that cannot be; null when it can.</returns>
    public string? Start()
    {
        if (AttachFolder.Prepare() is { } problem)
        {
            return problem;
        }

        if (Interlocked.Exchange(ref s_listening, 1) != 0)
        {
            return "another guest of this process is inspected";
        }

        // .NET would remember the number from before a fork.
        _path = AttachFolder.SocketOf((int)HostCalls.Raw(SysGetPid));
        _listener = HostSocket.Create();
        _wakeUp = HostSocket.CreateEvent();
        int error = HostSocket.Listen(_listener, _path);
        if (error == -HostSocket.AddressInUse)
        {
            // An earlier process with this number left it: this one has none yet.
            HostSocket.Unlink(_path);
            error = HostSocket.Listen(_listener, _path);
        }

        if (error < 0)
        {
            CloseAll();
            Volatile.Write(ref s_listening, 0);
            return $"{_path}: error {-error}";
        }

        _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "inspection" };
        _thread.Start();
        return null;
    }

    /// <summary>Removes the socket: the process ends. Any thread.</summary>
    public void Unlist()
    {
        if (_listener >= 0)
        {
            HostSocket.Unlink(_path);
        }
    }

    /// <summary>Ends all connections: what is described goes.</summary>
    public void Dispose()
    {
        HostFork.Before -= AwaitStopped;
        HostFork.InChild -= ForgetAfterFork;
        Unlist();
        if (_thread != null)
        {
            _stop = true;
            HostSocket.Raise(_wakeUp);
            _thread.Join();
            _thread = null;
        }

        CloseAll();
    }

    /// <summary>With the fork gate closed: returns when the thread is stopped at it, or asleep.</summary>
    private void AwaitStopped()
    {
        while (_thread != null && (Volatile.Read(ref _worker) == 0 || ((HostThread*)_worker)->InNative == 0))
        {
            Thread.Yield();
        }
    }

    /// <summary>In the child of a fork: the sockets are its parent's.</summary>
    private void ForgetAfterFork()
    {
        _thread = null;
        _worker = 0;
        CloseAll();
    }

    private void CloseAll()
    {
        foreach (AttachConnection connection in _connections)
        {
            connection.Close();
        }

        _connections.Clear();
        if (_listener >= 0)
        {
            Volatile.Write(ref s_listening, 0);
        }

        foreach (int socket in (ReadOnlySpan<int>)[_listener, _wakeUp])
        {
            if (socket >= 0)
            {
                HostSocket.Close(socket);
            }
        }

        _listener = -1;
        _wakeUp = -1;
    }

    private void Serve()
    {
        HostSignals.BlockInThisThread();
        HostThread* self = HostThreads.Enter();
        Volatile.Write(ref _worker, (nint)self);
        while (true)
        {
            self->Interrupt = 0;
            HostCalls.WaitAtGate(self);
            if (_stop)
            {
                HostThreads.Leave();
                return;
            }

            int count = Watch();
            if (HostSocket.Poll(self, _watches.AsSpan(0, count), Patience()) >= 0)
            {
                Attend();
            }

            AnswerWaiting();
            DropIdle();
        }
    }

    private int Watch()
    {
        _watches[0] = new HostSocket.Watch { Socket = _wakeUp, Wanted = HostSocket.CanRead };
        _watches[1] = new HostSocket.Watch { Socket = _listener, Wanted = HostSocket.CanRead };
        for (int i = 0; i < _connections.Count; i++)
        {
            _watches[i + 2] = new HostSocket.Watch { Socket = _connections[i].Socket, Wanted = _connections[i].IsWaiting ? (short)0 : HostSocket.CanRead };
        }

        return _connections.Count + 2;
    }

    private int Patience()
    {
        if (_connections.Count == 0)
        {
            return -1;
        }

        long now = Environment.TickCount64;
        long until = _connections.Min(static connection => connection.LastUsed) + PatienceMs;
        if (_connections.Exists(static connection => connection.IsWaiting))
        {
            until = Math.Min(until, _nextSnapshot);
        }

        return (int)Math.Max(0, until - now);
    }

    private void Attend()
    {
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (_watches[i + 2].Happened != 0 && !_connections[i].Attend(_watches[i + 2].Happened))
            {
                Drop(i);
            }
        }

        if (_watches[1].Happened != 0)
        {
            Accept();
        }
    }

    private void Accept()
    {
        int socket = HostSocket.Accept(_listener);
        if (socket < 0)
        {
            return;
        }

        // The folder keeps others out already; root may come in, as it may everywhere.
        uint? user = HostSocket.PeerUser(socket);
        if (_connections.Count == MostConnections || user == null || (user != 0 && user != HostSocket.EffectiveUser))
        {
            HostSocket.Close(socket);
            return;
        }

        _connections.Add(new AttachConnection(socket));
    }

    /// <summary>One snapshot for all who wait, and none too soon behind the last.</summary>
    private void AnswerWaiting()
    {
        if (Environment.TickCount64 < _nextSnapshot || !_connections.Exists(static connection => connection.IsWaiting))
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        (int file, long length) = Take();
        _nextSnapshot = Environment.TickCount64 + ((long)Stopwatch.GetElapsedTime(start).TotalMilliseconds * (ShareOfTime - 1));
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (_connections[i].IsWaiting && !_connections[i].Answer(file, length))
            {
                Drop(i);
            }
        }

        HostSocket.Close(file);
    }

    /// <summary>A snapshot in a file of its own, which goes with the last who reads it.</summary>
    private (int File, long Length) Take()
    {
        int file = HostSocket.CreateFile();
        try
        {
            CacheFileWriter writer = _describe();
            using FileStream stream = new(new SafeFileHandle(file, ownsHandle: false), FileAccess.Write, 0);
            writer.Write(stream);
            return (file, stream.Length);
        }
        catch (Exception error) when (error is OutOfMemoryException or IOException or ArgumentException or InvalidOperationException)
        {
            // More than there is room for: the guest goes on without being looked at.
            HostSocket.Close(file);
            return (-1, 0);
        }
    }

    private void DropIdle()
    {
        long now = Environment.TickCount64;
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (now - _connections[i].LastUsed >= PatienceMs)
            {
                Drop(i);
            }
        }
    }

    private void Drop(int index)
    {
        _connections[index].Close();
        _connections.RemoveAt(index);
    }
}
