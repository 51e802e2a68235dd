namespace Jitvmm.Linux.Files;

/// <summary>
/// The control messages of one sendmsg or recvmsg, in a buffer of the VMM's. Descriptors in them (SCM_RIGHTS,
/// SCM_PIDFD) are translated in place. Disposing drops the files held for a send.
/// </summary>
internal unsafe ref struct ControlMessages(byte* buffer, int length)
{
    private const int HeaderSize = 16;
    private const int LevelSocket = 1;
    private const int Rights = 1;
    private const int ProcessDescriptor = 4;
    private const int MaximumDescriptors = 253;

    private List<OpenFile>? _held;

    /// <summary>Guest descriptors → host descriptors: 0, -EBADF or -EINVAL.</summary>
    public int ToHost(GuestThread thread)
    {
        for (int at = 0; at + HeaderSize <= length;)
        {
            ulong size = *(ulong*)(buffer + at);
            if (size < HeaderSize || size > (ulong)(length - at))
            {
                return -Errno.EINVAL;
            }

            if (IsDescriptors(at))
            {
                int count = ((int)size - HeaderSize) / sizeof(int);
                if (count > MaximumDescriptors)
                {
                    return -Errno.EINVAL;
                }

                int* numbers = (int*)(buffer + at + HeaderSize);
                for (int i = 0; i < count; i++)
                {
                    OpenFile? file = thread.Acquire(numbers[i]);
                    if (file == null)
                    {
                        return -Errno.EBADF;
                    }

                    (_held ??= []).Add(file);
                    numbers[i] = file.HostFd;
                }
            }

            at += Aligned(size);
        }

        return 0;
    }

    /// <summary>
    /// Host descriptors → new guest descriptors. True when some did not fit in the guest's table; those are
    /// closed and cut off the message.
    /// </summary>
    public readonly bool ToGuest(GuestThread thread, bool closeOnExec)
    {
        bool isCut = false;
        for (int at = 0; at + HeaderSize <= length;)
        {
            ulong size = *(ulong*)(buffer + at);
            if (size < HeaderSize || size > (ulong)(length - at))
            {
                break;
            }

            if (IsDescriptors(at))
            {
                int count = ((int)size - HeaderSize) / sizeof(int);
                int kept = Install(thread, (int*)(buffer + at + HeaderSize), count, closeOnExec);
                if (kept < count)
                {
                    isCut = true;
                    *(ulong*)(buffer + at) = (ulong)(HeaderSize + kept * sizeof(int));
                }
            }

            at += Aligned(size);
        }

        return isCut;
    }

    public void Dispose()
    {
        if (_held != null)
        {
            foreach (OpenFile file in _held)
            {
                file.Release();
            }

            _held = null;
        }
    }

    private static int Aligned(ulong size) => (int)((size + 7) & ~7ul);

    private static int Install(GuestThread thread, int* numbers, int count, bool closeOnExec)
    {
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            int fd = kept < i ? -1 : thread.Files.Table.Install(thread.Files.Adopt(numbers[i]), closeOnExec);
            if (fd >= 0)
            {
                numbers[i] = fd;
                kept++;
            }
            else if (kept < i)
            {
                HostFile.Close(numbers[i]);
            }
        }

        return kept;
    }

    private readonly bool IsDescriptors(int at) =>
        *(int*)(buffer + at + 8) == LevelSocket && *(int*)(buffer + at + 12) is Rights or ProcessDescriptor;
}
