/** Paths of the pictures on buttons. */
export const icons = {
  clip: 'M7.5 12.500 14 6a3.200 3.200 0 0 1 4.500 4.500l-8 8a5 5 0 0 1-7-7L11 4',
  back: 'M15 5l-7 7 7 7',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01',
  send: 'M5 12h14M13 6l6 6-6 6',
  more: 'M12 6h.01M12 12h.01M12 18h.01',
  add: 'M12 5v14M5 12h14',
  waiting: 'M12 7v5l3 2M12 4a8 8 0 1 0 .01 0',
  sent: 'M5 13l4 4L19 7',
  delivered: 'M2 13l4 4L16 7M11 16l1 1L22 7',
  failed: 'M12 7v6M12 17h.01M12 3a9 9 0 1 0 .01 0',
} as const
