using Jitvmm.Linux.Files;
using Jitvmm.Linux.Syscalls;

namespace Jitvmm.Linux;

/// <content>The process's files.</content>
public sealed partial class LinuxProcess
{
    private ProcessFiles? _files;

    /// <summary>Descriptors, current directory and view. Attached before the first guest instruction.</summary>
    public ProcessFiles Files => _files ?? throw new InvalidOperationException("The process has no files yet.");

    /// <summary>The host descriptor of the guest's own standard error.</summary>
    internal int ErrorStream => Files.Table.Acquire(StandardError)?.HostFd ?? StandardError;

    /// <summary>Gives the process its files; once.</summary>
    public void AttachFiles(ProcessFiles files) => _files = files;

    /// <summary>Adds the rows of every call about files.</summary>
    internal static void RegisterFileCalls(SyscallTable table)
    {
        OpenCalls.Register(table);
        TransferCalls.Register(table);
        StatCalls.Register(table);
        NameCalls.Register(table);
        AttributeCalls.Register(table);
        DirectoryCalls.Register(table);
        ControlCalls.Register(table);
        IoctlCalls.Register(table);
        DescriptorCalls.Register(table);
        PollCalls.Register(table);
        EpollCalls.Register(table);
        SocketCalls.Register(table);
        MessageCalls.Register(table);
        DeniedCalls.Register(table);
    }
}
