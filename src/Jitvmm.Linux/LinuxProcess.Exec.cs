using System.Diagnostics.CodeAnalysis;
using System.Text;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Loading;
using Jitvmm.Linux.Mappings;
using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <content>Starting programs: the first one, and execve's.</content>
public sealed unsafe partial class LinuxProcess
{
    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const int AtEmptyPath = 0x1000;

    /// <summary>
    /// Loads the first program and runs it on the calling thread, which must be the host process's first. Does
    /// not return: the host process ends as the guest's does.
    /// </summary>
    /// <param name="program">A path, or a name to look up in the environment's PATH.</param>
    /// <param name="arguments">argv, without closing zeros.</param>
    /// <param name="environment">NAME=VALUE each.</param>
    /// <exception cref="LoadException">The program cannot be started.</exception>
    [DoesNotReturn]
    public void Run(byte[] program, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        GuestThread thread = new(this);
        _mainThread = thread;
        _threads.Add(thread);
        thread.Enter();
        try
        {
            PreparedExec exec = PrepareFirst(program, arguments, environment);
            Files.TakeStandardStreams(ReportFd);
            InternalError.ReportUnhandled(this);
            Start(thread, exec);
        }
        catch
        {
            Files.View.Dispose();
            throw;
        }

        RunMain(thread);
    }

    /// <summary>execve and execveat. Does not come back on success, other than by the registers of the new program.</summary>
    internal long Execute(GuestThread thread, int directory, byte[] path, int flags, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        PreparedExec exec;
        try
        {
            exec = Prepare(thread, directory, path, flags, arguments, environment, thread.SignalMask);
        }
        catch (LoadException error)
        {
            return -error.Error;
        }

        if (Interlocked.CompareExchange(ref _pendingExec, exec, null) != null)
        {
            // Another thread was first; this one ends at its next safepoint.
            exec.Dispose();
            thread.Host->Interrupt = 1;
            return -Errno.EINTR;
        }

        if (thread == _mainThread)
        {
            WaitForOthers(thread);
            TakeOverExec(thread, exec);
        }
        else
        {
            EndForExec(thread);
        }

        thread.KeepRegisters();
        return 0;
    }

    /// <summary>Finds the first program as execvp(3) does: a file that is not there or may not be executed lets the search go on.</summary>
    private PreparedExec PrepareFirst(byte[] program, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        ulong mask = InheritedMask();
        if (program.AsSpan().Contains((byte)'/'))
        {
            return Prepare(null, AtFdCwd, program, 0, arguments, environment, mask);
        }

        LoadException? refusal = null;
        ReadOnlySpan<byte> folders = SearchPath(environment);
        for (bool more = program.Length > 0; more;)
        {
            int colon = folders.IndexOf((byte)':');
            ReadOnlySpan<byte> folder = colon < 0 ? folders : folders[..colon];
            byte[] candidate = folder.IsEmpty ? [.. "./"u8, .. program] : [.. folder, (byte)'/', .. program];
            try
            {
                return Prepare(null, AtFdCwd, candidate, 0, arguments, environment, mask);
            }
            catch (LoadException error) when (error.Error is Errno.ENOENT or Errno.ENOTDIR or Errno.EACCES)
            {
                refusal = error.Error == Errno.EACCES ? error : refusal;
            }

            more = colon >= 0;
            folders = folders[(colon + 1)..];
        }

        throw refusal ?? new LoadException($"{Encoding.UTF8.GetString(program)}: command not found", Errno.ENOENT);
    }

    private static ReadOnlySpan<byte> SearchPath(IReadOnlyList<byte[]> environment)
    {
        for (int i = 0; i < environment.Count; i++)
        {
            ReadOnlySpan<byte> variable = environment[i];
            if (variable.StartsWith("PATH="u8))
            {
                return variable[5..];
            }
        }

        return "/bin:/usr/bin"u8;
    }

    private static ulong InheritedMask()
    {
        ulong mask = 0;
        _ = HostCalls.Raw(14, 0, 0, (ulong)&mask, 8);
        return mask;
    }

    /// <summary>Hands the exec to the main thread, whose host thread is the process's.</summary>
    private void EndForExec(GuestThread thread)
    {
        lock (_threadGate)
        {
            Detach(thread);
        }

        thread.End();
        HostSignals.Kick(Pid);
    }

    /// <summary>On the main thread, alone in the process: replaces the program.</summary>
    private void TakeOverExec(GuestThread thread, PreparedExec exec)
    {
        _pendingExec = null;
        _vforkChannel?.Finish(this);
        _vforkChannel = null;
        try
        {
            Start(thread, exec);
        }
        catch (LoadException)
        {
            // Past the point of no return the kernel has only this left.
            DieOf(thread, new SignalInfo { Signal = Signal.SIGKILL }, default);
        }
    }

    private void Start(GuestThread thread, PreparedExec exec)
    {
        using (exec)
        {
            Engine.ReplaceProgram();
            Map.Clear();
            Files.Table.CloseOnExec();
            Dispositions.ResetHandlers();
            Timers.Clear();
            thread.ResetForExec();
            ulong stackLimit = Limits[ResourceLimits.Stack].Soft;
            LoadedProgram loaded = new ProgramLoader(Memory, Map).Load(exec.Image, exec.File, exec.Interpreter, exec.InterpreterFile);
            InitialStack stack = new(Memory, Map);
            ulong rsp = stack.Build(in loaded, exec.GivenPath, exec.Arguments, exec.Environment, Credentials.Current(), stackLimit, exec.Image.ExecutableStack);
            Program = new ProgramImage
            {
                Path = MappedFile.BytesOf(exec.File.Identity.Path),
                Arguments = stack.Arguments,
                Environment = stack.Environment,
                AuxiliaryVector = stack.AuxiliaryVector,
                StackPointer = rsp,
            };
            Session.SetArguments(_sessionIndex, stack.Arguments);
            SetCommandName(GuestPath.Name(exec.GivenPath));
            thread.StartProgram(loaded.Start, rsp);
            thread.SetMask(exec.SignalMask);
        }
    }

    /// <summary>Finds, opens and checks everything a program needs.</summary>
    private PreparedExec Prepare(GuestThread? caller, int directory, byte[] path, int flags, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment, ulong mask)
    {
        if (InitialStack.ArgumentSize(arguments, environment) > InitialStack.ArgumentLimit(Limits[ResourceLimits.Stack].Soft))
        {
            throw new LoadException("the arguments and the environment are too long", Errno.E2BIG);
        }

        ExecutableFile file = OpenExecutable(directory, path, flags);
        ExecutableFile? interpreterFile = null;
        try
        {
            byte[] given = path.Length == 0 ? file.Path : path;
            arguments = arguments.Count == 0 ? [[]] : arguments;
            ResolveScripts(ref file, given, ref arguments);
            ElfImage image = ElfImage.Read(file);
            ElfImage? interpreter = null;
            if (image.Interpreter != null)
            {
                interpreterFile = OpenInterpreter(file, image.Interpreter);
                interpreter = ReadInterpreter(file, interpreterFile);
            }

            return new PreparedExec
            {
                Caller = caller,
                File = file,
                Image = image,
                InterpreterFile = interpreterFile,
                Interpreter = interpreter,
                GivenPath = given,
                Arguments = arguments,
                Environment = environment,
                SignalMask = mask,
            };
        }
        catch (LoadException)
        {
            file.Dispose();
            interpreterFile?.Dispose();
            throw;
        }
    }

    private void ResolveScripts(ref ExecutableFile file, byte[] given, ref IReadOnlyList<byte[]> arguments)
    {
        Span<byte> start = stackalloc byte[ScriptLine.Size];
        byte[] script = given;
        for (int depth = 0; ; depth++)
        {
            long count = file.ReadAt(0, start);
            if (count < 2 || start[0] != '#' || start[1] != '!')
            {
                return;
            }

            if (depth == ScriptLine.MaxDepth)
            {
                throw new LoadException($"{file.DisplayPath}: its interpreter is a script {depth} times over", Errno.ELOOP);
            }

            if (!ScriptLine.TryParse(start[..(int)count], out byte[] interpreter, out byte[]? argument))
            {
                throw new LoadException($"{file.DisplayPath}: the first line names no interpreter", Errno.ENOEXEC);
            }

            List<byte[]> longer = [interpreter];
            if (argument != null)
            {
                longer.Add(argument);
            }

            longer.Add(script);
            for (int i = 1; i < arguments.Count; i++)
            {
                longer.Add(arguments[i]);
            }

            arguments = longer;
            script = interpreter;
            ExecutableFile next = OpenInterpreter(file, interpreter);
            file.Dispose();
            file = next;
        }
    }

    private ExecutableFile OpenInterpreter(ExecutableFile file, byte[] path)
    {
        try
        {
            return OpenExecutable(AtFdCwd, path, 0);
        }
        catch (LoadException error)
        {
            throw new LoadException($"{file.DisplayPath}: its interpreter {error.Message}", error.Error);
        }
    }

    private static ElfImage ReadInterpreter(ExecutableFile file, ExecutableFile interpreterFile)
    {
        try
        {
            return ElfImage.Read(interpreterFile);
        }
        catch (LoadException error)
        {
            throw new LoadException($"{file.DisplayPath}: its interpreter {error.Message}", error.Error == Errno.ENOEXEC ? Errno.ELIBBAD : error.Error);
        }
    }

    private ExecutableFile OpenExecutable(int directory, byte[] path, int flags)
    {
        OpenFile? file;
        int error;
        if (path.Length == 0 && (flags & AtEmptyPath) != 0)
        {
            error = ReopenDescriptor(directory, out file);
        }
        else
        {
            error = OpenPath(directory, path, flags, out file);
        }

        string name = Encoding.UTF8.GetString(path);
        if (error < 0 || file == null)
        {
            throw new LoadException($"{name}: {Errno.Describe(-error)}", -error);
        }

        ExecutableFile executable = new(file, path, Files.View.Describe(file));
        if (!executable.IsRegular || !MayExecute(file.HostFd))
        {
            executable.Dispose();
            throw new LoadException($"{name}: {(executable.IsRegular ? "is not executable" : "is not a regular file")}", Errno.EACCES);
        }

        return executable;
    }

    private int OpenPath(int directory, byte[] path, int flags, out OpenFile? file)
    {
        file = null;
        if (path.Length == 0)
        {
            return -Errno.ENOENT;
        }

        OpenFile? start = null;
        if (path[0] != '/')
        {
            start = directory == AtFdCwd ? Files.AcquireCurrent() : Files.Table.Acquire(directory);
            if (start == null)
            {
                return -Errno.EBADF;
            }
        }

        // O_NONBLOCK: a FIFO is refused below, not waited for.
        int how = OpenFlags.ReadOnly | OpenFlags.NonBlocking | ((flags & AtSymlinkNoFollow) != 0 ? OpenFlags.NoFollow : 0);
        int error = Files.Open(start, path, how, 0, null, out file);
        start?.Release();
        return error;
    }

    private int ReopenDescriptor(int fd, out OpenFile? file)
    {
        file = null;
        OpenFile? source = Files.Table.Acquire(fd);
        if (source == null)
        {
            return -Errno.EBADF;
        }

        int hostFd = HostFile.Reopen(source.HostFd, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        file = hostFd < 0 ? null : source.With(hostFd);
        source.Release();
        return Math.Min(hostFd, 0);
    }

    /// <summary>Whether the host lets the caller execute the file: mode bits, ACLs and mount options are its business.</summary>
    private static bool MayExecute(int hostFd)
    {
        const long SysFaccessat2 = 439;
        const int Execute = 1;
        const int EffectiveIds = 0x200;
        fixed (byte* empty = "\0"u8)
        {
            return HostCalls.Raw(SysFaccessat2, (ulong)hostFd, (ulong)empty, Execute, AtEmptyPath | EffectiveIds) == 0;
        }
    }
}
