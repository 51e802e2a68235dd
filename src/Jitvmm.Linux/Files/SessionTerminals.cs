namespace Jitvmm.Linux.Files;

/// <summary>
/// The pseudo-terminals a guest may name in /dev/pts. A fork inherits what was known before it.
/// </summary>
public sealed unsafe class SessionTerminals
{
    private const ulong GetTerminalNumber = 0x80045430;
    private const int DescriptorsLooked = 256;

    private readonly HashSet<int> _numbers = [];

    /// <summary>Notes the other end of a master the guest opened.</summary>
    internal void AddMaster(int hostFd)
    {
        int number;
        if (HostSyscall.Raw(16, (ulong)hostFd, GetTerminalNumber, (ulong)&number) == 0)
        {
            lock (_numbers)
            {
                _numbers.Add(number);
            }
        }
    }

    internal bool Contains(ProcessFiles viewer, int number)
    {
        lock (_numbers)
        {
            if (_numbers.Contains(number))
            {
                return true;
            }
        }

        return Array.IndexOf(Numbers(viewer), number) >= 0;
    }

    /// <summary>Known ones and those open as a descriptor.</summary>
    internal int[] Numbers(ProcessFiles viewer)
    {
        HashSet<int> all;
        lock (_numbers)
        {
            all = [.. _numbers];
        }

        Span<byte> path = stackalloc byte[64];
        for (int fd = 0; fd < DescriptorsLooked; fd++)
        {
            OpenFile? file = viewer.Table.Acquire(fd);
            if (file == null)
            {
                continue;
            }

            int length = file.Kind == FileKind.Device ? HostFile.ReadDescriptorPath(file.HostFd, path) : 0;
            file.Release();
            if (length > 9 && path.StartsWith("/dev/pts/"u8) && int.TryParse(path[9..length], null, out int number))
            {
                all.Add(number);
            }
        }

        int[] numbers = [.. all];
        Array.Sort(numbers);
        return numbers;
    }
}
